/** F4, F5, F24, F41: what a kernel and its host make of each other's absence. Hosts here are processes that die or sleep. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it, type TestContext, vi } from "vitest";
import { AttendedHost, type AttendedHostOptions } from "./crash/attended-host.js";
import { CrashFolder } from "./crash/crash-folder.js";
import { PureModel, type PureModelOptions } from "./crash/pure-model.js";
import { planIn, stepText, type TurnPlan } from "./crash/turn-plan.js";
import { gate } from "./model-server.js";
import { processesWithMark } from "./process-scan.js";

vi.setConfig({ maxConcurrency: 20, testTimeout: 60_000 });

/** Longer than a kernel may be silent before it is taken for dead: 10 s. */
const AWAY_MS = 12_000;

interface Place {
  plan: TurnPlan;
  folder: CrashFolder;
  session: string;
  host(options: Partial<AttendedHostOptions>): AttendedHost;
}

async function place(context: TestContext, steps: string, options: PureModelOptions = {}): Promise<Place> {
  const plan = planIn(`plan 5: ${steps}`) as TurnPlan;
  const model = new PureModel(options);
  await model.listen();
  const folder = new CrashFolder(plan, model.config());
  const session = randomUUID();
  const hosts: AttendedHost[] = [];
  context.onTestFinished(async () => {
    for (const host of hosts) host.kill();
    for (const line of processesWithMark(folder.mark)) kill(Number.parseInt(line, 10));
    await model.close();
    folder.remove();
  });
  const host = (more: Partial<AttendedHostOptions>): AttendedHost => {
    const started = new AttendedHost({ folder, session, prompt: plan.text, answers: true, ...more });
    hosts.push(started);
    return started;
  };
  return { plan, folder, session, host };
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone.
  }
}

/** A stream of words that stops in the middle until it is let go on. */
function middle(): { hold: NonNullable<PureModelOptions["hold"]>; goOn: () => void } {
  const { held, open } = gate();
  return { hold: ({ piece }) => (piece === 9 ? held : null), goOn: open };
}

const said = ({ steps }: TurnPlan): string => steps.map(stepText).join("");

it.concurrent.for(["sidecar", "in-process"] as const)(
  "F-320 F24 a host that was stopped for 12 s in mid-turn accuses nobody (%s)",
  async (kernel, context) => {
    const { hold, goOn } = middle();
    const { plan, host } = await place(context, "text 40", { hold });
    const started = host({ kernel });
    await started.line("text", ({ text }) => text !== undefined);
    started.child.kill("SIGSTOP");
    goOn();
    await delay(AWAY_MS);
    started.child.kill("SIGCONT");
    expect(await started.outcome()).toBe("finished");
    expect(started.verdicts).toEqual([]);
    expect(started.text).toBe(said(plan));
  },
);

it.concurrent.for(["sidecar", "in-process"] as const)(
  "F-321 F6 a host whose own loop stood still for 12 s accuses nobody (%s)",
  async (kernel, context) => {
    const { plan, host } = await place(context, "text 40", { paceMs: 50 });
    const started = host({ kernel, blockMs: AWAY_MS });
    expect(await started.outcome(40_000)).toBe("finished");
    expect(started.lines).toContainEqual({ blocked: true });
    expect(started.verdicts).toEqual([]);
    expect(started.text).toBe(said(plan));
  },
);

it.concurrent("F-322 F24 host and kernel suspended together for 12 s: no verdict when they wake", async (context) => {
  const { hold, goOn } = middle();
  const { plan, folder, host } = await place(context, "text 40", { hold });
  const started = host({});
  await started.line("text", ({ text }) => text !== undefined);
  const pids = processesWithMark(folder.mark).map((line) => Number.parseInt(line, 10));
  expect(pids.length).toBeGreaterThan(1);
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  goOn();
  await delay(AWAY_MS);
  // The host first, so that it finds its kernel silent.
  for (const pid of [started.child.pid as number, ...pids]) process.kill(pid, "SIGCONT");
  expect(await started.outcome()).toBe("finished");
  expect(started.verdicts).toEqual([]);
  expect(started.text).toBe(said(plan));
});

it.concurrent("F-323 F24 a host that stands still while it suspects its kernel reads what came meanwhile before it judges", async (context) => {
  const { hold, goOn } = middle();
  const { plan, folder, host } = await place(context, "text 40", { hold });
  const started = host({ blockAfterMs: 8_000, blockMs: 4_000 });
  await started.line("text", ({ text }) => text !== undefined);
  const isKernel = (line: string) => line.includes("--wire");
  const kernel = Number.parseInt(processesWithMark(folder.mark).find(isKernel) ?? "", 10);
  process.kill(kernel, "SIGSTOP");
  goOn();
  // Suspected after 6 s of silence, taken for dead after 10 s.
  await delay(9_000);
  process.kill(kernel, "SIGCONT");
  expect(await started.outcome()).toBe("finished");
  expect(started.lines).toContainEqual({ blocked: true });
  expect(started.verdicts).toEqual([]);
  expect(started.text).toBe(said(plan));
});

it.concurrent.for(["sidecar", "in-process"] as const)(
  "F-330 F41 the host dies while an approval is open (%s): nothing is granted, the next host is asked under the same id, one effect",
  async (kernel, context) => {
    const { plan, folder, host } = await place(context, "text 9, shell | text 9");
    const first = host({ answers: false, kernel });
    const { approval } = await first.line("approval", (line) => line.approval !== undefined);
    first.kill();
    await untilAlone(folder);
    expect(folder.effects).toBe("");
    const second = host({ resume: true });
    expect(await second.outcome()).toBe("finished");
    expect(second.lines.filter((line) => line.approval !== undefined)).toEqual([{ approval }]);
    expect(second.verdicts).toEqual([]);
    expect(second.text).toBe(said(plan));
    expect(folder.effects.trim().split("\n")).toEqual([plan.steps[0]?.calls[0]?.effect]);
  },
);

it.concurrent.for([
  ["in mid-stream", "text 400"],
  ["in mid-command", "text 5, slow | text 5"],
] as const)(
  "F-331 F5 the host is killed %s: kernel and tools are gone in 6 s, the next host goes on",
  async ([what, steps], context) => {
    // The turn must not be over before the host is killed.
    let isHeld = true;
    const lastRequest = what === "in mid-stream" ? 0 : 1;
    const { plan, folder, host } = await place(context, steps, {
      hold: ({ request, piece }) => (isHeld && request === lastRequest && piece === 4 ? new Promise(() => {}) : null),
    });
    const first = host({});
    if (what === "in mid-stream") await first.line("text", ({ text }) => text !== undefined);
    else await first.line("yes", ({ approval }) => approval !== undefined);
    first.kill();
    await untilAlone(folder, 6_000);
    isHeld = false;
    const second = host({ resume: true });
    expect(await second.outcome()).toBe("finished");
    expect(second.text).toBe(said(plan));
  },
);

/** No kernel, tool or host of the place lives any more. */
async function untilAlone({ mark }: CrashFolder, waitMs = 6_000): Promise<void> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const left = processesWithMark(mark);
    if (left.length === 0) return;
    if (performance.now() > deadline) throw new Error(`left after ${waitMs} ms: ${left.join("\n")}`);
    await delay(20);
  }
}
