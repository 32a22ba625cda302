/** F6, F47, F48: a kernel that lives and does nothing is found, ended and followed by one that goes on. */
import { statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it, type TestContext, vi } from "vitest";
import { kernelProgram, SupervisedRun, type SupervisedRunOptions } from "./crash/supervised-run.js";
import { isAlive } from "./process-scan.js";

// They wait for most of their time, so all at once.
vi.setConfig({ maxConcurrency: 20, testTimeout: 60_000 });

/** The published limit from the last sign of life to the verdict. */
const FOUND_MS = 15_000;
const STEPS = "text 20, shell, edit, client | text 12";

async function start(context: TestContext, options: Partial<SupervisedRunOptions>): Promise<SupervisedRun> {
  const run = await SupervisedRun.start({ steps: STEPS, ...options });
  context.onTestFinished(() => run.close());
  return run;
}

/** Milliseconds between a moment and the first word of a death. */
function foundMs(run: SupervisedRun, hungAtMs: number): number {
  return (run.states.find(({ cause }) => cause !== null)?.atMs ?? Number.POSITIVE_INFINITY) - hungAtMs;
}

it.concurrent.for([
  ["a busy loop in mid-stream", "model_stream#7:hang@1", "hung", "sidecar"],
  ["a busy loop with the answer to an approval recorded", "approval_answered:hang@1", "hung", "sidecar"],
  ["a lost promise at the search for a tool", "call_found:lost@1", "lost_turn", "sidecar"],
  ["a busy loop in a thread", "model_stream#7:hang@1", "hung", "in_process"],
] as const)("F-301 %s (%s): found in time, the turn goes on", async ([, failPoints, verdict, mode], context) => {
  const run = await start(context, { failPoints, rungs: [mode] });
  const outcome = await run.prompt();
  const found = foundMs(run, statSync(run.folder.marker).mtimeMs);
  expect(run.problems(outcome, { marks: [failPoints] })).toEqual([]);
  expect(run.verdicts).toEqual([verdict]);
  expect(run.kernels.map((kernel) => kernel.mode)).toEqual([mode, mode]);
  expect(found).toBeLessThan(FOUND_MS);
});

/** Stops the newest kernel, once; gives the time at which it did. */
class Stopper {
  atMs = 0;
  pid = 0;

  stop(run: SupervisedRun): void {
    if (this.pid !== 0) return;
    this.pid = run.pid;
    process.kill(this.pid, "SIGSTOP");
    this.atMs = Date.now();
  }
}

/** Whether the stopped kernel was gone for certain when the client said that another one would come. */
function watchSuccession(run: SupervisedRun, stopper: Stopper): { livedOn: boolean } {
  const watched = { livedOn: false };
  run.onState = ({ to }) => {
    if (to === "restarting") watched.livedOn = isAlive(stopper.pid);
  };
  return watched;
}

it.concurrent("F-302 F48 SIGSTOP in mid-stream: ended before the next one opens the session, which goes on", async (context) => {
  const stopper = new Stopper();
  const run = await start(context, {
    hold:
      (self) =>
      ({ request, piece }) => {
        if (request === 0 && piece === 9) stopper.stop(self);
        return null;
      },
  });
  const watched = watchSuccession(run, stopper);
  const outcome = await run.prompt();
  expect(run.problems(outcome)).toEqual([]);
  expect(run.verdicts).toEqual(["hung"]);
  expect(watched.livedOn).toBe(false);
  expect(foundMs(run, stopper.atMs)).toBeLessThan(FOUND_MS);
});

it.concurrent("F-303 SIGSTOP while an approval is open: the answer given meanwhile counts, the host is asked once", async (context) => {
  const stopper = new Stopper();
  const run = await start(context, { onApproval: async (self) => stopper.stop(self) });
  const watched = watchSuccession(run, stopper);
  const outcome = await run.prompt();
  expect(run.problems(outcome)).toEqual([]);
  expect(run.verdicts).toEqual(["hung"]);
  expect(watched.livedOn).toBe(false);
  expect(foundMs(run, stopper.atMs)).toBeLessThan(FOUND_MS);
});

it.concurrent("F-304 SIGSTOP between turns: the prompt sent meanwhile is not lost and runs once", async (context) => {
  const stopper = new Stopper();
  const run = await start(context, {});
  stopper.stop(run);
  const outcome = await run.prompt();
  expect(run.problems(outcome)).toEqual([]);
  expect(run.verdicts).toEqual(["hung"]);
  expect(foundMs(run, stopper.atMs)).toBeLessThan(FOUND_MS);
});

it.concurrent.for([3_000, 8_000])(
  "F-305 F24 a kernel that stood still for %i ms and goes on is not accused",
  async (ms, context) => {
    const stopper = new Stopper();
    let goesOn: Promise<void> | null = null;
    const run = await start(context, {
      hold:
        (self) =>
        ({ request, piece }) => {
          if (request !== 0 || piece !== 9) return null;
          stopper.stop(self);
          goesOn = delay(ms).then(() => void process.kill(stopper.pid, "SIGCONT"));
          return null;
        },
    });
    const outcome = await run.prompt();
    await goesOn;
    expect(run.problems(outcome)).toEqual([]);
    expect(run.verdicts).toEqual([]);
    expect(Date.now() - stopper.atMs).toBeGreaterThanOrEqual(ms);
  },
);

it.concurrent("F-306 F47 a prompt that kills its kernel twice at one place is quarantined, the next prompt works on the next rung", async (context) => {
  const marks = ["model_request:kill@1", "model_request:kill@2"];
  const run = await start(context, { rungs: ["sidecar", "in_process"], failPoints: marks.join(",") });
  const outcome = await run.prompt();
  expect(run.problems(outcome, { outcome: "turn_quarantined" as "error", marks })).toEqual([]);
  expect(run.verdicts).toEqual(["signal", "signal"]);
  expect(run.kernels.map(({ mode }) => mode)).toEqual(["sidecar", "sidecar", "in_process"]);
  expect(await run.prompt("plan 4: text 5")).toBe("finished");
  expect(run.kernels).toHaveLength(3);
});

it.concurrent("F-307 F47 the same in a thread: two lost promises at one place, then the next prompt", async (context) => {
  const marks = ["call_found:lost@1", "call_found:lost@2"];
  const run = await start(context, { rungs: ["in_process"], failPoints: marks.join(",") });
  const outcome = await run.prompt();
  expect(run.problems(outcome, { outcome: "turn_quarantined" as "error", marks })).toEqual([]);
  expect(run.verdicts).toEqual(["lost_turn", "lost_turn"]);
  expect(await run.prompt("plan 4: text 5")).toBe("finished");
  expect(run.kernels).toHaveLength(3);
});

it.concurrent("F-308 F48 a session held by a stopped kernel of someone else: session_locked in its time, nobody is robbed", async (context) => {
  const owner = await start(context, { steps: "text 4" });
  const stopper = new Stopper();
  expect(await owner.prompt()).toBe("finished");
  stopper.stop(owner);
  const other = await start(context, { steps: "text 4", like: owner });
  const began = Date.now();
  expect(await other.prompt("plan 4: text 6")).toBe("session_locked");
  expect(Date.now() - began).toBeLessThan(5_000);
  expect(other.verdicts).toEqual([]);
  expect(other.kernels).toHaveLength(1);
  process.kill(stopper.pid, "SIGCONT");
  expect(await owner.prompt("plan 5: text 7")).toBe("finished");
  expect(owner.verdicts).toEqual([]);
});

/** A FAKE of a wall clock: that of the system, and one jump more every half second. */
const jumpingClock = (jumpMs: number): string =>
  `data:text/javascript,${encodeURIComponent(`
  const Real = Date; let off = 0;
  setInterval(() => { off += ${jumpMs}; }, 500).unref();
  globalThis.Date = class extends Real {
    constructor(...given) { super(...(given.length > 0 ? given : [Date.now()])); }
    static now() { return Real.now() + off; }
  };`)}`;

it.concurrent.for([
  ["forwards", 3_600_000],
  ["backwards", -3_600_000],
] as const)("F-309 F24 a clock that jumps %s by an hour twice a second harms no turn", async ([, jumpMs], context) => {
  const [node, program] = kernelProgram;
  const steps = "text 20, shell, edit, client | text 12, slow | text 40, slow, read | text 4";
  const run = await start(context, { command: [node, "--import", jumpingClock(jumpMs), program], steps });
  const outcome = await run.prompt();
  expect(run.problems(outcome)).toEqual([]);
  expect(run.verdicts).toEqual([]);
  const times = run.folder
    .sessionFile(run.session, "wire.jsonl")
    .map(({ timestamp }) => Number(timestamp ?? Date.now() / 1000));
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1_800);
});
