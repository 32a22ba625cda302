/** Random deaths and repetitions under one turn: the host must not notice any of them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { KernelClient } from "./kernel-client.js";
import { ALL_EXTENSIONS, type FakeKernel, FakeLaunches, type FakeLine } from "./testing/fake-kernel.js";
import { SYSTEM_TIMING, type Timing } from "./timing.js";

/** What one kernel does before it dies: how far it gets in its greeting, its replay and its turn. */
interface Life {
  /** Dies having read this many lines of the client. */
  lines: number;
  /** Records this many more events. */
  records: number;
  /** Delivers only so many of them. */
  delivers: number;
  /** Sends what it replays this many times more. */
  repeats: number;
}

/** Fake clock on which every kernel lived long before it died: crash loops and quarantine have tests of their own. */
class Endless implements Timing {
  #now = 0;
  now = (): number => {
    this.#now += 200_000;
    return this.#now;
  };
  after = (ms: number, run: () => void, background?: boolean) =>
    background === true ? () => {} : SYSTEM_TIMING.after(ms < 500 ? ms : ms / 1_000, run);
  soon = SYSTEM_TIMING.soon;
  random = (): number => 0.5;
}

/** The session as kernels leave it to each other. */
class Journal {
  epoch = 0;
  readonly events: { seq: number; epoch: number }[] = [];
  clientId: string | null = null;
  ended = false;
  readonly total: number;

  constructor(total: number) {
    this.total = total;
  }

  record(): void {
    this.events.push({ seq: (this.events.length + 1) * 3, epoch: this.epoch });
  }

  deliver(kernel: FakeKernel, at: number): void {
    const event = this.events[at];
    if (event === undefined) return;
    const prev = this.events[at - 1]?.seq ?? 0;
    kernel.event("StepBegin", { n: event.seq }, { ...event, prev });
  }
}

async function live(kernel: FakeKernel, journal: Journal, life: Life | null): Promise<void> {
  journal.epoch += 1;
  for (let read = 1; ; read += 1) {
    const line = await kernel.nextCall();
    if (life !== null && read > life.lines) return kernel.die();
    if (line.method === "initialize") greet(kernel, journal, line);
    else if (line.method === "replay") replay(kernel, journal, line, life);
    else if (journal.ended) kernel.answer(line, { status: "finished" });
    else {
      journal.clientId ??= line.params?.client_id as string;
      const upTo = life === null ? journal.total : Math.min(journal.total, journal.events.length + life.records);
      for (let sent = 0; journal.events.length < upTo; sent += 1) {
        journal.record();
        if (life === null || sent < life.delivers) journal.deliver(kernel, journal.events.length - 1);
      }
      journal.ended = journal.events.length === journal.total;
      if (life !== null) return kernel.die();
      kernel.answer(line, { status: "finished" });
    }
  }
}

function greet(kernel: FakeKernel, journal: Journal, line: FakeLine): void {
  const isOpen = journal.clientId !== null && !journal.ended;
  const open_turn = { turn_id: "t", client_id: journal.clientId, seq: 0 };
  kernel.answer(line, {
    protocol_version: "1.10",
    capabilities: { extensions: ALL_EXTENSIONS },
    ...(isOpen ? { open_turn } : {}),
  });
}

function replay(kernel: FakeKernel, journal: Journal, line: FakeLine, life: Life | null): void {
  const since = line.params?.since as number;
  for (let time = 0; time <= (life?.repeats ?? 0); time += 1) {
    journal.events.forEach(({ seq }, at) => {
      if (seq > since) journal.deliver(kernel, at);
    });
  }
  kernel.answer(line, { status: "finished", events: 0, requests: 0 });
}

const life = fc.record({
  lines: fc.integer({ min: 0, max: 4 }),
  records: fc.integer({ min: 1, max: 4 }),
  delivers: fc.nat({ max: 4 }),
  repeats: fc.nat({ max: 2 }),
});

test("property: over any deaths each event reaches the host once, in order, and every promise settles", async () => {
  const run = fc.asyncProperty(
    fc.array(life, { maxLength: 6 }),
    fc.integer({ min: 1, max: 12 }),
    async (lives, total) => {
      const launches = new FakeLaunches();
      const journal = new Journal(total);
      const heard: unknown[] = [];
      void (async () => {
        // The first one must come to life: a start that fails is another matter.
        for (const [at, one] of [...lives, null].entries()) {
          const kernel = await launches.next();
          void live(kernel, journal, at === 0 && one !== null ? { ...one, lines: Math.max(1, one.lines) } : one);
        }
      })();
      const client = await KernelClient.connect(
        {
          launchers: [launches.launcher()],
          handshakeMs: 20_000_000,
          client: { name: "test" },
          handlers: { onEvent: ({ payload }) => void heard.push((payload as { n: number }).n) },
        },
        new Endless(),
      );
      const turn = client.prompt("go");
      const seen: unknown[] = [];
      for await (const { payload } of turn) seen.push((payload as unknown as { n: number }).n);
      const result = await turn.result;
      const expected = Array.from({ length: total }, (_none, n) => (n + 1) * 3);
      expect({ result, seen, heard }).toEqual({
        result: { status: "finished" },
        seen: expected,
        heard: expected,
      });
      expect(launches.maxAlive).toBe(1);
      await client.close();
    },
  );
  await fc.assert(run, { seed: 11, numRuns: 120 });
}, 30_000);
