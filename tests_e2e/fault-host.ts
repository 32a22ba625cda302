/** Runs hosts/fault-host.mjs, a host over connectKernel of the built library, to its end within a stated time. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { kernelEnvironment } from "./kernel-process.js";
import type { Workspace } from "./workspace.js";

const host = fileURLToPath(new URL("hosts/fault-host.mjs", import.meta.url));

export interface FaultError {
  name: string;
  code: string;
  message: string;
  data: Record<string, unknown>;
}

export interface SeenTurn {
  types: string[];
  text: string[];
  results: { tool_call_id: string; return_value: Record<string, unknown> }[];
  result?: Record<string, unknown>;
  error?: FaultError;
}

export interface SeenByHost {
  turns: SeenTurn[];
  /** Types of events outside of turns. */
  outside: string[];
  states: { to: string; mode: string | null; cause?: string; unknownEffects: string[] }[];
  /** One for each prompt, as of its end. */
  modes: string[];
  guarantees: Record<string, boolean>[];
  error?: FaultError;
  /** From the start to the end of the client. */
  ms: number;
  /** The most memory that the host's process ever had, its own start included. */
  rssMb: number;
}

export interface FaultRun {
  /** Of connectKernel, and `prompts`. */
  options?: Record<string, unknown>;
  env?: Record<string, string>;
  /** The host is killed and the run rejects when it takes longer. */
  limitMs?: number;
}

/** Rejects when the host did not end by itself with 0, or wrote to stderr. */
export async function runFaultHost(workspace: Workspace, run: FaultRun): Promise<SeenByHost> {
  const { options = {}, env = {}, limitMs = 12_000 } = run;
  const own = { args: ["--config-file", workspace.configFile], cwd: workspace.workDir };
  const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve, reject) => {
    const settings = { env: kernelEnvironment(workspace, env), timeout: limitMs, maxBuffer: 32 * 1024 * 1024 };
    execFile(process.execPath, [host, JSON.stringify({ ...own, ...options })], settings, (error, out, err) => {
      if (error === null) resolve({ stdout: out, stderr: err });
      else reject(new Error(`the host did not end in order within ${limitMs} ms: ${error.message}\n${err}`));
    });
  });
  expect(stderr).toBe("");
  return JSON.parse(stdout) as SeenByHost;
}

/** What KERNEL_BIN must be for one of the fakes. */
export function fakeKernel(name: string, ...words: string[]): Record<string, string> {
  const file = fileURLToPath(new URL(`fake-kernels/${name}.mjs`, import.meta.url));
  return { KERNEL_BIN: [`'${file}'`, ...words].join(" ") };
}
