/**
 * Kills tool processes when the kernel can no longer do it. One small `sh` reads `+ pgid` and `- pgid` from a pipe that
 * only this process holds. However the kernel ends, SIGKILL included, the pipe closes, and the watchdog kills every
 * group that is still on its list. It is the leader of its own session, so a signal to the kernel's group misses it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import type { Logger } from "../logger.js";

/**
 * Only builtins of a POSIX shell, so that it works with an empty environment and forks nothing. `kill -s` because dash
 * does not take `--` after `-KILL`.
 */
const SCRIPT = `
trap '' TERM INT HUP QUIT PIPE TSTP TTIN TTOU USR1 USR2
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="\${groups%%" $group "*} \${groups#*" $group "}" ;; esac ;;
  esac
done
for group in $groups; do
  case $group in 0|1|*[!0-9]*) ;; *) kill -s KILL -- "-$group" 2>/dev/null ;; esac
done
`;

/** A healthy watchdog takes a line at once: the pipe holds thousands of them. */
const WRITE_LIMIT_MS = 1000;
const END_LIMIT_MS = 500;
/** One that dies younger than this is not started again by itself, or a broken `sh` would start without end. */
const RESTART_AGE_MS = 200;

export interface Watchdog {
  /**
   * Puts a group on the list, starting the watchdog if there is none. Resolves when the line is in the pipe, where it
   * outlives this process; no answer is needed. Rejects when no watchdog can be started.
   */
  register(pgid: number): Promise<void>;
  /** Takes a group off the list. Never throws. */
  unregister(pgid: number): void;
  /** Ends the watchdog, which kills what is still listed. Resolves when it is gone. Idempotent. */
  close(): Promise<void>;
}

/** Creates a watchdog that starts at the first `register`. The caller closes it. */
export function createWatchdog(logger: Logger): Watchdog {
  const groups = new Set<number>();
  let current: ChildProcess | null = null;
  let closed = false;

  function listed(): string {
    return [...groups].map((group) => `+ ${group}\n`).join("");
  }

  function start(): ChildProcess {
    const startedAt = performance.now();
    const child = spawn("/bin/sh", ["-c", SCRIPT, "tool-watchdog"], {
      cwd: "/",
      detached: true,
      env: {},
      stdio: ["pipe", "ignore", "ignore"],
    });
    current = child;
    child.on("error", (error) => logger.error({ err: error }, "tool watchdog cannot be started"));
    // A broken pipe is seen by the write that met it and by `exit`.
    child.stdin?.on("error", () => {});
    child.once("exit", (code, signal) => {
      if (current !== child) return;
      current = null;
      if (closed) return;
      logger.warn({ code, signal, groups: groups.size }, "tool watchdog ended by itself");
      if (groups.size === 0 || performance.now() - startedAt < RESTART_AGE_MS) return;
      write(start(), listed()).catch((error) => logger.error({ err: error }, "tool watchdog cannot be restarted"));
    });
    child.unref();
    if (child.stdin instanceof Socket) child.stdin.unref();
    return child;
  }

  return {
    async register(pgid) {
      if (closed) throw new Error("The tool watchdog is closed.");
      groups.add(pgid);
      let failure: unknown;
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const living = current?.stdin?.writable ? current : null;
        const child = living ?? start();
        try {
          await write(child, living === null ? listed() : `+ ${pgid}\n`);
          return;
        } catch (error) {
          failure = error;
          // Its list may be incomplete: it must neither stay nor act.
          if (current === child) current = null;
          child.kill("SIGKILL");
        }
      }
      groups.delete(pgid);
      throw failure;
    },
    unregister(pgid) {
      if (!groups.delete(pgid)) return;
      if (current?.stdin?.writable) current.stdin.write(`- ${pgid}\n`);
    },
    async close() {
      closed = true;
      const child = current;
      current = null;
      if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => child.kill("SIGKILL"), END_LIMIT_MS);
        child.once("exit", () => {
          clearTimeout(timer);
          resolve();
        });
        child.ref();
        child.stdin?.end();
      });
    },
  };
}

/** Resolves when the text is in the pipe. Rejects when the pipe is broken or does not take it in time. */
function write(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!child.stdin?.writable) {
      reject(new Error("The tool watchdog has no pipe."));
      return;
    }
    const timer = setTimeout(() => reject(new Error("The tool watchdog does not read.")), WRITE_LIMIT_MS);
    child.stdin.write(text, (error) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve();
    });
  });
}
