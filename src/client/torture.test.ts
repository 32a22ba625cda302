/** A host that calls anything at any time, while kernels die at any call: all of it settles, and nothing comes twice. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { KernelClient } from "./kernel-client.js";
import type { SupervisorState } from "./kernel-state.js";
import { FakeLaunches } from "./testing/fake-kernel.js";
import { FakeSession } from "./testing/fake-session.js";
import { SYSTEM_TIMING, type Timing } from "./timing.js";
import type { Turn } from "./turn-handle.js";

/** For the end of a turn: of a cancelled one when the client closes, and of one that something is missing of. */
const LIMITS = [3_000, 10_000];

/** Every kernel lived long before it died, and no pause is long. What is a limit stays one: a busy machine needs it. */
class Endless implements Timing {
  #now = 0;
  now = (): number => {
    this.#now += 200_000;
    return this.#now;
  };
  after = (ms: number, run: () => void, background?: boolean) =>
    background === true ? () => {} : SYSTEM_TIMING.after(ms < 500 || LIMITS.includes(ms) ? ms : ms / 200, run);
  soon = SYSTEM_TIMING.soon;
  random = (): number => 0.5;
}

const FOLLOWS: Readonly<Record<SupervisorState, readonly SupervisorState[]>> = {
  idle: ["starting"],
  starting: ["starting", "ready", "closed"],
  ready: ["restarting", "closed"],
  restarting: ["restarting", "ready", "closed"],
  failed: [],
  closed: [],
};
/** Whatever is open longer never settles. */
const SETTLE_MS = 2_000;

const operation = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ do: "prompt" as const, aborts: false }) },
  { weight: 1, arbitrary: fc.constant({ do: "prompt" as const, aborts: true }) },
  { weight: 2, arbitrary: fc.constant({ do: "steer" as const }) },
  { weight: 1, arbitrary: fc.constantFrom({ do: "cancel" as const }, { do: "plan" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "replay" as const }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("step" as const), sent: fc.boolean(), ends: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("die" as const), calls: fc.nat({ max: 4 }) }) },
  { weight: 2, arbitrary: fc.constantFrom({ do: "kill" as const }, { do: "mute" as const }) },
  { weight: 2, arbitrary: fc.constant({ do: "lose" as const }) },
  { weight: 6, arbitrary: fc.constantFrom({ do: "tick" as const }, { do: "wait" as const }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

interface Steered {
  text: string;
  /** Of the turn that the host had then. */
  turn: string | null;
  taken: boolean;
}

class Host {
  readonly session = new FakeSession();
  readonly launches = new FakeLaunches();
  readonly heard: number[] = [];
  readonly states: { from: SupervisorState; to: SupervisorState }[] = [];
  readonly open = new Set<string>();
  readonly turns: { turn: Turn; seen: number[]; end: string }[] = [];
  readonly steers: Steered[] = [];
  #current: Turn | null = null;

  async connect(): Promise<KernelClient> {
    void this.#serveAll();
    return await KernelClient.connect(
      {
        launchers: [this.launches.launcher()],
        handshakeMs: 20_000_000,
        client: { name: "test" },
        handlers: {
          onEvent: ({ payload }) => void this.heard.push((payload as { n: number }).n),
          onState: ({ from, to }) => void this.states.push({ from, to }),
        },
      },
      new Endless(),
    );
  }

  async run(client: KernelClient, next: Operation, n: number): Promise<void> {
    const kernel = this.launches.all.at(-1);
    if (next.do === "prompt") this.#prompt(client, n, next.aborts);
    else if (next.do === "steer") this.#steer(client, `steer ${n}`);
    else if (next.do === "cancel") this.#watch(`cancel ${n}`, client.cancel());
    else if (next.do === "plan") this.#watch(`plan ${n}`, client.setPlanMode(true));
    else if (next.do === "replay")
      this.#watch(
        `replay ${n}`,
        client.replay(() => {}),
      );
    else if (next.do === "step") this.session.step(next.sent, next.ends);
    else if (next.do === "lose") this.session.lose();
    else if (next.do === "die") this.session.dieAfter(next.calls);
    else if (next.do === "kill") kernel?.die();
    else if (next.do === "mute") kernel?.closeOutput();
    await (next.do === "wait" ? new Promise((resolve) => setTimeout(resolve, 2)) : new Promise(setImmediate));
  }

  /** Gives what never settled. */
  async settled(): Promise<string[]> {
    const deadline = performance.now() + SETTLE_MS;
    while (this.open.size > 0 && performance.now() < deadline) await new Promise(setImmediate);
    return [...this.open];
  }

  async #serveAll(): Promise<void> {
    for (;;) void this.session.serve(await this.launches.next());
  }

  #prompt(client: KernelClient, n: number, aborts: boolean): void {
    const controller = new AbortController();
    const turn = client.prompt(`go ${n}`, { signal: controller.signal });
    const told = { turn, seen: [] as number[], end: "" };
    this.turns.push(told);
    const read = async () => {
      for await (const { payload } of turn) told.seen.push((payload as unknown as { n: number }).n);
      told.end = await turn.result.then(
        ({ status }) => status,
        ({ code }: { code: string }) => code,
      );
      if (this.#current === turn) this.#current = null;
    };
    this.#current ??= turn;
    if (aborts) setImmediate(() => controller.abort());
    this.#watch(`prompt ${n}`, read());
  }

  #steer(client: KernelClient, text: string): void {
    const steered: Steered = { text, turn: this.#current?.id ?? null, taken: false };
    this.steers.push(steered);
    const call = client.steer(text).then(() => {
      steered.taken = true;
    });
    this.#watch(text, call);
  }

  #watch(what: string, work: Promise<unknown>): void {
    this.open.add(what);
    const done = (): void => void this.open.delete(what);
    work.then(done, done);
  }
}

test("property: whatever is called and whoever dies, everything settles and nothing comes twice", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  const property = fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 40 }), async (operations) => {
    const host = new Host();
    const client = await host.connect();
    for (const [n, next] of operations.entries()) await host.run(client, next, n);
    await Promise.all([client.close(), client.close()]);
    expect(await host.settled()).toEqual([]);
    judge(host);
    expect(host.launches.maxAlive).toBe(1);
    expect(host.launches.all.every(({ isDead }) => isDead)).toBe(true);
    await expect(client.prompt("late").result).rejects.toMatchObject({ code: "closed" });
  });
  try {
    await fc.assert(property, { seed: 5, numRuns: 150 });
    expect(unhandled).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
  }
}, 30_000);

function judge({ heard, states, turns, steers, session }: Host): void {
  expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
  for (const { from, to } of states) expect(FOLLOWS[from]).toContain(to);
  expect(states.slice(1).map(({ from }) => from)).toEqual(states.slice(0, -1).map(({ to }) => to));
  for (const { turn, seen, end } of turns) {
    expect(["finished", "cancelled", "turn_in_progress", "closed"]).toContain(end);
    const recorded = session.turns.filter(({ clientId }) => clientId === turn.id);
    expect(recorded.length).toBeLessThanOrEqual(1);
    const events = recorded[0]?.events.map(({ seq }) => seq) ?? [];
    if (end === "finished") expect(recorded[0]?.status).toBe("finished");
    if (recorded[0]?.status === end) expect(seen).toEqual(events);
  }
  for (const { text, turn, taken } of steers) {
    const by = session.turns.filter((one) => [...one.steers.values()].includes(text));
    expect(by.length).toBe(taken ? 1 : Math.min(by.length, 1));
    if (taken) expect(by[0]?.clientId).toBe(turn);
  }
}
