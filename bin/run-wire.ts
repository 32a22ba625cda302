/** `kernel --wire`: one kernel for the client on stdin and stdout. */
import { setFlagsFromString } from "node:v8";
import type { KernelFlags } from "../src/kernel/config/kernel-flags.js";
import { errorMessage } from "../src/kernel/errors.js";
import { failureCode, openPlace, startKernel } from "../src/kernel/start-kernel.js";
import { stdioTransport } from "../src/wire/transport.js";
import { guardStdio } from "./guard-stdio.js";
import { messages } from "./messages.js";
import { type ProcessWatch, StopReason, signalExitCode, watchProcess } from "./watch-process.js";

const LOG_CLOSE_MS = 1_000;

/**
 * Serves until the client closes stdin, the parent is gone, a signal comes, or the kernel fails; everything is flushed then. Gives the exit
 * code: 0 after a normal end, 1 for a failed start or a bug, 2 for a mistake in flags or configuration, 143 when
 * SIGTERM cut a turn short.
 */
export async function runWire(flags: KernelFlags): Promise<number> {
  const startedBy = process.ppid;
  // The command parser is WebAssembly; V8 would spend 400 ms optimising it, at exit if there was no time before.
  setFlagsFromString("--liftoff-only");
  const env = { ...process.env };
  const place = openPlace(flags, env);
  const { logger } = place;
  const stdio = guardStdio((source, text) => logger.warn({ source, text }, "text beside the protocol"));
  const complain = (error: unknown): void => stdio.say(`${errorMessage(error)}\n${messages.seeLogs(logger.file)}`);
  const watch = watchProcess(logger, complain);
  let isParentWatched = env.KERNEL_PARENT_WATCH === "off";
  const keepToParent = async (): Promise<void> => {
    if (isParentWatched) return;
    isParentWatched = true;
    const parent = process.ppid;
    const { watchParent } = await import("./parent-watch.js");
    const onGone = (): void => {
      logger.warn({ code: "parent_gone", parent }, "the parent is gone, so the input counts as ended");
      stdio.stdin.destroy();
    };
    watchParent({ ppid: () => process.ppid, startedBy, parent, onGone });
  };
  const serve = async (): Promise<number> => {
    const transport = stdioTransport(stdio.stdin, stdio.stdout);
    const outcome = await startKernel({
      ...{ flags, env, place, transport, signal: watch.signal },
      rss: () => process.memoryUsage.rss(),
      unsent: () => stdio.unsent(),
      onIntroduced: () => void keepToParent(),
      ends: { pid: process.pid, kill: () => process.kill(process.pid, "SIGKILL"), exit: () => process.exit(1) },
    });
    if (outcome.resumable && outcome.sessionId !== null) stdio.say(messages.resumeHint(outcome.sessionId));
    return exitCode(watch, outcome.turnInterrupted);
  };
  const failed = (error: unknown): number => {
    const code = failureCode(error);
    if (code === 2) {
      stdio.say(errorMessage(error));
      return code;
    }
    logger.error({ err: error }, "the kernel could not go on");
    complain(error);
    return code;
  };
  const code = await Promise.race([watch.broken, serve().catch(failed)]);
  await within(LOG_CLOSE_MS, logger.close());
  return code;
}

/** SIGINT is an EOF from the keyboard; the others show when they cost a turn, so that waiting hosts notice. */
function exitCode(watch: ProcessWatch, turnInterrupted: boolean): number {
  const reason: unknown = watch.signal.reason;
  if (!turnInterrupted || !(reason instanceof StopReason) || reason.stopSignal === "SIGINT") return 0;
  return signalExitCode(reason.stopSignal);
}

function within(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    work.then(done, done);
  });
}
