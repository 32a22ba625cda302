/** F2: a kernel that runs out of memory is named so, starts again as a process, and never inside its host. */
import { expect, it, type TestContext, vi } from "vitest";
import { kernelProgram, SupervisedRun, type SupervisedRunOptions } from "./crash/supervised-run.js";

vi.setConfig({ maxConcurrency: 20, testTimeout: 60_000 });

const [node, program] = kernelProgram;
const SMALL_HEAP = "--max-old-space-size=24";
/** More than such a heap can hold. */
const BIG = "x".repeat(16 * 1024 * 1024);

async function start(context: TestContext, options: Partial<SupervisedRunOptions>): Promise<SupervisedRun> {
  const run = await SupervisedRun.start({
    steps: "text 9, client | text 9",
    rungs: ["sidecar", "in_process"],
    ...options,
  });
  context.onTestFinished(() => run.close());
  return run;
}

it.concurrent("F-340 F2 a result that fits into no heap: out of memory twice, quarantined, never in the host; the next prompt works", async (context) => {
  const run = await start(context, { command: [node, SMALL_HEAP, program], toolOutput: BIG });
  const outcome = await run.prompt();
  expect(outcome).toBe("turn_quarantined");
  expect(run.verdicts).toEqual(["out_of_memory", "out_of_memory"]);
  expect(run.kernels.map(({ mode }) => mode)).toEqual(["sidecar", "sidecar", "sidecar"]);
  expect([...run.asked.values()]).toEqual([1]);
  expect(await run.prompt("plan 4: text 5")).toBe("finished");
  expect(run.kernels).toHaveLength(3);
});

it.concurrent("F-341 F2 memory that is there again: the process that follows goes on with the turn", async (context) => {
  // The first process has a small heap, those behind it have that of the system.
  const script = `if mkdir "$HOME/started" 2>/dev/null; then exec "$0" ${SMALL_HEAP} "$@"; else exec "$0" "$@"; fi`;
  const run = await start(context, { command: ["/bin/sh", "-c", script, node, program], toolOutput: BIG });
  const outcome = await run.prompt();
  expect(outcome).toBe("finished");
  expect(run.problems(outcome)).toEqual([]);
  expect(run.verdicts).toEqual(["out_of_memory"]);
  expect(run.kernels.map(({ mode }) => mode)).toEqual(["sidecar", "sidecar"]);
});
