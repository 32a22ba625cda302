import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DeliverableRecord, SessionLog } from "../storage/session-log.js";
import { shimmedOperations, textOf } from "../storage/testing/shimmed-operations.js";
import { type TempShare, tempShare } from "../storage/testing/temp-share.js";
import { callPart, FakeProvider, failing, providerError, reply, stuck, textPart } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { RecordingSink } from "../testing/recording-sink.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { toolOk } from "../tools/tool.js";
import type { BesideRequest, DeliveryPlace } from "./event-sink.js";
import { TurnRecorder } from "./turn-recorder.js";

const fixtures = turnFixtures();
const signal = new AbortController().signal;
const turn = (turn_id: string) => ({ kind: "turn", turn_id, client_id: null, user_input: "x" }) as const;

/** A fake client that keeps where each record stands. */
class PlacedSink extends RecordingSink {
  readonly places: { type: string; seq: number; prev: number | undefined; epoch: number | undefined }[] = [];
  readonly beside: (BesideRequest | undefined)[] = [];

  override deliver(firstSeq: number, records: readonly DeliverableRecord[], place?: DeliveryPlace): void {
    super.deliver(firstSeq, records);
    for (const [index, { type }] of records.entries()) {
      const prev = index === 0 ? place?.prev : firstSeq + index - 1;
      this.places.push({ type, seq: firstSeq + index, prev, epoch: place?.epoch });
    }
  }

  override request(
    seq: number,
    record: DeliverableRecord,
    aborted: AbortSignal,
    place?: DeliveryPlace,
    beside?: BesideRequest,
  ): Promise<unknown> {
    this.places.push({ type: record.type, seq, prev: place?.prev, epoch: place?.epoch });
    this.beside.push(beside);
    return super.request(seq, record, aborted);
  }
}

describe("where a delivery stands", () => {
  let share: TempShare;
  let log: SessionLog;
  let sink: PlacedSink;
  let recorder: TurnRecorder;

  beforeEach(async () => {
    share = tempShare();
    log = share.open();
    sink = new PlacedSink();
    recorder = new TurnRecorder(log, sink);
    await log.acquire();
  });
  afterEach(() => {
    log.close({ clean: true });
    share.remove();
  });

  test("each names the one before it, whatever only the journal keeps between them", () => {
    recorder.beginTurn(turn("t1"));
    recorder.event("TurnBegin", { user_input: "x" });
    recorder.note({ kind: "step", n: 1, checkpoint: 0 }, false);
    recorder.parts([textPart("a"), textPart("b")]);
    void recorder.request("ApprovalRequest", { id: "q" }, signal);
    recorder.result({ tool_call_id: "c", return_value: {} });
    expect(recorder.turnEnd("t1", {})).toBeNull();
    const seqs = sink.places.map(({ seq }) => seq);
    expect(sink.places.map(({ prev }) => prev)).toEqual([0, ...seqs.slice(0, -1)]);
    expect((seqs[1] ?? 0) - (seqs[0] ?? 0)).toBe(2);
    expect(new Set(sink.places.map(({ epoch }) => epoch))).toEqual(new Set([log.epoch]));
    expect(log.epoch).toBeGreaterThan(0);
  });

  test("the first of a turn has nothing before it, and seqs go on", () => {
    for (const id of ["t1", "t2"]) {
      recorder.beginTurn(turn(id));
      recorder.event("TurnBegin", { user_input: "x" });
      recorder.turnEnd(id, {});
    }
    expect(sink.places.map(({ prev }) => prev === 0)).toEqual([true, false, true, false]);
    const seqs = sink.places.map(({ seq }) => seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  });

  test("a turn that goes on stands behind what was delivered of it", () => {
    recorder.beginTurn(turn("t1"));
    recorder.continueFrom(41);
    expect(recorder.inTurn).toBe(true);
    recorder.event("StepBegin", { n: 2 });
    expect(sink.places.at(-1)?.prev).toBe(41);
  });

  test("what another kernel says behind the turn stands behind its last record", async () => {
    recorder.beginTurn(turn("t1"));
    recorder.event("TurnBegin", { user_input: "x" });
    recorder.turnEnd("t1", {});
    const end = sink.places.at(-1)?.seq;
    log.close({ clean: false });
    log = share.open();
    await log.acquire();
    const successor = new TurnRecorder(log, sink);
    successor.event("StatusUpdate", {});
    successor.event("StatusUpdate", {});
    expect(sink.places.slice(-2).map(({ prev }) => prev)).toEqual([end, sink.places.at(-2)?.seq]);
  });

  test("what stands beside a request reaches the client, what is extra the journal, and neither the other", () => {
    recorder.beginTurn(turn("t1"));
    const beside = { grant: null };
    void recorder.request("ApprovalRequest", { id: "q" }, signal, { extra: { action_hash: "h" }, beside });
    void recorder.request("ApprovalRequest", { id: "r" }, signal);
    expect(sink.beside).toEqual([beside, undefined]);
    expect(JSON.stringify(sink.sent)).not.toContain("action_hash");
    const journal = textOf(share.paths().journal);
    expect(journal).toContain('"extra":{"action_hash":"h"}');
    expect(journal).not.toContain("grant");
  });
});

test("an end that could not be recorded stands nowhere", async () => {
  let full = false;
  const ops = shimmedOperations(({ name }) => (full && name === "write" ? { errno: "ENOSPC" } : null));
  const sink = new PlacedSink();
  const { session } = fixtures.session({ provider: new FakeProvider(reply(["hi"])), sink, ops });
  const ended = session.prompt("x", null);
  await sink.seen("ContentPart");
  full = true;
  await expect(ended).rejects.toThrow();
  expect(sink.places.at(-1)).toMatchObject({ type: "TurnEnd", seq: 0, prev: 0 });
});

describe("what a turn waits for", () => {
  test("the model, as long as it streams", async () => {
    const { session, recorder, sink } = fixtures.session({ provider: new FakeProvider(stuck(["a"])) });
    const ended = session.prompt("x", null);
    expect(recorder.inTurn).toBe(false);
    await sink.seen("ContentPart");
    expect(recorder.inTurn).toBe(true);
    expect(recorder.waits.open).toEqual(["model"]);
    void session.cancel(null);
    await ended;
    expect(recorder.waits.open).toEqual([]);
    expect(recorder.inTurn).toBe(false);
  });

  test("a client that does not read", async () => {
    const { session, recorder, sink } = fixtures.session({ provider: new FakeProvider(reply(["a"])) });
    let readOn = () => {};
    sink.behind = new Promise<void>((resolve) => {
      readOn = resolve;
    });
    const ended = session.prompt("x", null);
    await sink.seen("ContentPart");
    expect(recorder.waits.open).toEqual(["model", "client"]);
    readOn();
    await ended;
    expect(recorder.waits.open).toEqual([]);
  });

  test("the pause before a model is asked again", async () => {
    const provider = new FakeProvider(failing(providerError("busy")));
    const { session, recorder, sink } = fixtures.session({ provider });
    const ended = session.prompt("x", null);
    await sink.seen("StepRetry");
    await expect.poll(() => recorder.waits.open).toEqual(["retry"]);
    void session.cancel(null);
    await ended;
    expect(recorder.waits.open).toEqual([]);
  });

  test("an approval, then its tool, then a person or a program of the client", async () => {
    const seen: string[][] = [];
    const provider = new FakeProvider(reply([callPart("c1", "T")]), reply(["done"]));
    const tool = fakeTool("T", {
      ask: true,
      run: async () => {
        await Promise.resolve();
        seen.push(recorder.waits.open);
        const question = recorder.request("QuestionRequest", { id: "q" }, signal);
        const call = recorder.request("ToolCallRequest", { id: "e" }, signal);
        seen.push(recorder.waits.open);
        for (const { answer } of [...sink.open]) answer({});
        await Promise.all([question, call]);
        return toolOk("ok");
      },
    });
    const { session, recorder, sink } = fixtures.session({ provider, tools: [tool] });
    const ended = session.prompt("x", null);
    await sink.seen("ApprovalRequest");
    expect(recorder.waits.open).toEqual(["approval"]);
    const [asked] = sink.open;
    asked?.answer({ request_id: asked.payload.id, response: "approve" });
    await ended;
    expect(seen).toEqual([["tool"], ["tool", "question", "client_tool"]]);
    expect(recorder.waits.open).toEqual([]);
  });

  test("hooks, also those before the turn begins", async () => {
    const subscriptions = [{ id: "h", event: "UserPromptSubmit" }];
    const { session, recorder, sink } = fixtures.session({ provider: new FakeProvider(reply(["a"])), subscriptions });
    const ended = session.prompt("x", null);
    await sink.seen("HookRequest");
    expect(recorder.waits.open).toEqual(["hook"]);
    sink.open[0]?.answer({ action: "allow" });
    await ended;
    expect(recorder.waits.open).toEqual([]);
  });

  test("the lock of its session", async () => {
    const first = fixtures.session({ provider: new FakeProvider(reply(["hi"])) });
    await first.session.prompt("x", null);
    const second = fixtures.session({ share: first.share, lockWaitMs: 60_000 });
    const ended = second.session.prompt("y", null);
    await expect.poll(() => second.recorder.waits.open).toEqual(["storage"]);
    void second.session.cancel(null);
    await ended;
    first.abandon();
  });
});
