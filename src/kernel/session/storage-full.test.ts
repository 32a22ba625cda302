/** A disk that takes no more, from the n-th write of a session on or at that write alone, for every n. */
import { describe, expect, test } from "vitest";
import type { FileOperations } from "../storage/file-operations.js";
import { shimmedOperations } from "../storage/testing/shimmed-operations.js";
import { callPart, FakeProvider, reply, usage } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { approving } from "../testing/recording-sink.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { toolOk } from "../tools/tool.js";

const fixtures = turnFixtures();

interface Disk {
  ops: FileOperations;
  /** Writes so far. */
  writes: number;
  /** The first write that fails and the last one; 0 while there is space. */
  failFrom: number;
  failTo: number;
}

function disk(failFrom: number, failTo: number): Disk {
  const state: Disk = {
    writes: 0,
    failFrom,
    failTo,
    ops: shimmedOperations(({ name }) => {
      if (name !== "write") return null;
      state.writes += 1;
      return state.writes >= state.failFrom && state.writes <= state.failTo ? { errno: "ENOSPC" } : null;
    }),
  };
  return state;
}

/** One turn with an approved call, on this disk. */
async function turnOn(store: Disk) {
  let effects = 0;
  let recorded: unknown[] = [];
  const tool = fakeTool("act", {
    ask: true,
    effect: "write",
    run: () => {
      effects += 1;
      recorded = fixture.journal().flatMap(({ kind }) => (kind === "answer" || kind === "intent" ? [kind] : []));
      return toolOk("done");
    },
  });
  const script = () => [reply(["a", callPart("t1", "act")], { usage: usage(10, 2) }), reply(["b"])];
  const provider = new FakeProvider(...script());
  const fixture = fixtures.session({ tools: [tool], ops: store.ops, provider });
  fixture.sink.onRequest = approving({ response: "approve" });
  const outcome = await fixture.session.prompt("go", null).then(
    (result) => ({ result, error: null }),
    (error: { name: string; code: string }) => ({ result: null, error }),
  );
  return { ...fixture, outcome, effects: () => effects, recorded: () => recorded };
}

const probe = disk(0, 0);
const { outcome: whole } = await turnOn(probe);
const WRITES = probe.writes;

test("with space the turn is whole", () => {
  expect(whole).toEqual({ result: { status: "finished" }, error: null });
  expect(WRITES).toBeGreaterThan(25);
});

const EACH_WRITE = Array.from({ length: WRITES }, (_, index) => index + 1);
type Turn = Awaited<ReturnType<typeof turnOn>>;

/** What holds after any failure. */
function expectOrder({ session, sink, effects, recorded }: Turn): void {
  const types = sink.types();
  const count = (type: string) => types.filter((each) => each === type).length;
  // It acted only when the answer and the intent were both on the disk.
  expect(recorded()).toEqual(effects() === 0 ? [] : ["answer", "intent"]);
  expect([count("TurnBegin"), count("TurnEnd")]).toEqual(types.length === 0 ? [0, 0] : [1, 1]);
  expect([types[0], types.at(-1)]).toEqual(types.length === 0 ? [undefined, undefined] : ["TurnBegin", "TurnEnd"]);
  expect(sink.open).toEqual([]);
  expect(session.busy).toBe(false);
}

/** A turn with space again; afterwards what is remembered is what a restart would read. */
async function expectGoesOn({ session, sink, contextRoles, provider, log }: Turn): Promise<void> {
  provider.rescript(reply(["again"]));
  sink.sent.length = 0;
  expect(await session.prompt("more", null)).toEqual({ status: "finished" });
  expect(sink.types().slice(-5)).toEqual(["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
  const asked = provider.requests.at(-1)?.messages ?? [];
  const stored = log.load();
  expect(stored.systemPrompt).toBe("SYSTEM");
  expect(stored.messages.slice(0, -1)).toEqual(asked);
  expect(contextRoles()[0]).toBe("_system_prompt");
  expect(contextRoles().filter((role) => role === "_system_prompt")).toHaveLength(1);
  const calls = asked.flatMap((m) => (m.role === "assistant" ? m.tool_calls.map(({ id }) => id) : []));
  expect(asked.flatMap((m) => (m.role === "tool" ? [m.tool_call_id] : []))).toEqual(calls);
}

describe("no space any more", () => {
  test.each(EACH_WRITE)("from write %i on: the turn stops before its next effect and says so", async (n) => {
    const store = disk(n, Infinity);
    const turn = await turnOn(store);
    expect(turn.outcome).toMatchObject({ result: null, error: { name: "KernelError", code: "storage_full" } });
    expectOrder(turn);
    store.failTo = 0;
    await expectGoesOn(turn);
  });
});

describe("no space for a moment", () => {
  test.each(EACH_WRITE)("at write %i: what the turn still does is in order", async (n) => {
    const turn = await turnOn(disk(n, n));
    expectOrder(turn);
    await expectGoesOn(turn);
  });
});
