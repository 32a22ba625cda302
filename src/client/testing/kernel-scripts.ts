/** Fakes, for faults only: small programs in a kernel's place that behave badly. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Launched } from "../launcher.js";
import { sidecarLauncher } from "../sidecar-launcher.js";

/** A folder of its own, removed when the test ends. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sidecar-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The command of a shell script; `--wire` is its first argument. */
export function shellKernel(script: string): [string, ...string[]] {
  return ["/bin/sh", "-c", script, "kernel"];
}

/** The command of a Node script. */
export function nodeKernel(script: string, ...flags: string[]): [string, ...string[]] {
  return [process.execPath, ...flags, "-e", script, "--"];
}

/** Starts it; it is killed when the test ends. */
export async function launchScript(
  command: readonly [string, ...string[]],
  options: { cwd?: string; env?: Record<string, string>; args?: readonly string[]; signal?: AbortSignal } = {},
): Promise<Launched> {
  const { cwd = tmpdir(), env = {}, args = [], signal = new AbortController().signal } = options;
  const launcher = sidecarLauncher({ command, cwd, env: { PATH: process.env.PATH, ...env } });
  const launched = await launcher.launch({ args, signal });
  onTestFinished(() => void launched.kill());
  return launched;
}

/** Waits until the output has this text; gives all that came. Rejects when it ends before. */
export async function outputUntil({ transport: { readable } }: Launched, text: string): Promise<string> {
  let seen = "";
  return await new Promise((resolve, reject) => {
    readable.on("data", (chunk: Buffer) => {
      seen += chunk.toString("latin1");
      if (seen.includes(text)) resolve(seen);
    });
    readable.once("close", () => reject(new Error(`the output ended without ${text}: ${seen}`)));
  });
}

/** Living processes of the group; zombies do not count. Linux only. */
export function groupMembers(group: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const [, state, , pgrp] = /^\d+ \(.*\) (\S) (\d+) (\d+)/s.exec(readStat(pid)) ?? [];
      return Number(pgrp) === group && state !== "Z" && state !== "X";
    });
}

function readStat(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    // It ended meanwhile.
    return "";
  }
}
