/** Runs one of the programs in this folder as a real child process, bundled to plain JavaScript first. For tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildSync } from "esbuild";

/** Bundles `<name>.ts` of this folder into `folder` and gives the path of the result. */
export function bundleProgram(name: string, folder: string): string {
  const outfile = join(folder, `${name}.mjs`);
  const entry = join(import.meta.dirname, `${name}.ts`);
  buildSync({ entryPoints: [entry], bundle: true, platform: "node", format: "esm", outfile, logLevel: "error" });
  return outfile;
}

export interface ChildProgram {
  readonly process: ChildProcess;
  /** Next line of its output; null after its end. */
  next(): Promise<string | null>;
  send(line: string): void;
  /** SIGKILL, then waits for its end. */
  kill(): Promise<void>;
}

/** The caller kills it. */
export function startProgram(program: string, args: readonly string[]): ChildProgram {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, "exit");
  child.stdin.on("error", () => {
    // It may be dead already; its end is seen by next().
  });
  return {
    process: child,
    next: async () => {
      const item = await lines.next();
      return item.done === true ? null : item.value;
    },
    send: (line) => void child.stdin.write(`${line}\n`),
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
