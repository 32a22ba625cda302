import { describe, expect, test } from "vitest";
import type { WireRecord } from "../storage/replay.js";
import type { DeliverableRecord } from "../storage/session-log.js";
import { RecordingSink } from "../testing/recording-sink.js";
import { eventRecord } from "../turn/encode-events.js";
import { Wire12Sink } from "./wire-1-2-sink.js";
import type { ClientSink } from "./wire-event-sink.js";

/** A fake client that also keeps what is replayed. */
class FakeClient extends RecordingSink implements ClientSink {
  readonly extended = null;
  readonly replayed: WireRecord[] = [];
  replay(records: readonly WireRecord[]): void {
    this.replayed.push(...records);
  }
}

const TURN_END: DeliverableRecord = { ...eventRecord("TurnEnd", {}), kind: "turn_end" };
const begin = eventRecord("TurnBegin", { user_input: "hi" });
const step = eventRecord("StepBegin", { n: 1 });
const text = eventRecord("ContentPart", { type: "text", text: "x" });

function setUp() {
  const client = new FakeClient();
  const sink = new Wire12Sink(client);
  const send = (...records: DeliverableRecord[]) => {
    for (const record of records) sink.deliver(1, [record]);
    return client.sent.map((sent) => sent.type);
  };
  const ask = (type: string, payload: Record<string, unknown>, signal = new AbortController().signal) => {
    const record: DeliverableRecord = { ...eventRecord(type, payload), kind: "request", id: String(payload.id) };
    return sink.request(1, record, signal);
  };
  return { client, sink, send, ask };
}

describe("events", () => {
  test("a plain turn passes as it is", () => {
    const { send } = setUp();
    const records = [begin, step, text, eventRecord("StatusUpdate", {}), TURN_END];
    expect(send(...records)).toEqual(["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
  });

  test("types that came later stay here", () => {
    const { send } = setUp();
    const later = ["StepRetry", "SteerInput", "MCPLoadingBegin", "Notification", "PlanDisplay", "HookTriggered"];
    expect(send(begin, step, ...later.map((type) => eventRecord(type, {})), TURN_END)).toEqual([
      "TurnBegin",
      "StepBegin",
      "TurnEnd",
    ]);
  });

  test("nothing leaves outside a turn", () => {
    const { send } = setUp();
    expect(send(eventRecord("StatusUpdate", {}), TURN_END, text)).toEqual([]);
  });

  test("a turn within a turn is not told, only its steps", () => {
    const { send } = setUp();
    const inner = [begin, step, text, eventRecord("TurnEnd", {})];
    expect(send(begin, ...inner, ...inner, TURN_END)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "StepBegin", "ContentPart", "TurnEnd"],
    ]);
  });

  test("what is shown without a step gets one; what only informs waits for none", () => {
    const { send, client } = setUp();
    expect(send(begin, eventRecord("StatusUpdate", {}), text, text, TURN_END)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ContentPart", "TurnEnd"],
    ]);
    expect(client.sent[1]?.payload).toEqual({ n: 1 });
  });

  test("a subagent's event has the old name of its parent; a later type inside stays here", () => {
    const { send, client } = setUp();
    const nested = (type: string) =>
      eventRecord("SubagentEvent", { parent_tool_call_id: "t1", agent_id: "a1", event: { type, payload: {} } });
    expect(send(begin, step, nested("StepRetry"), nested("ContentPart"), TURN_END)).toEqual([
      ...["TurnBegin", "StepBegin", "SubagentEvent", "TurnEnd"],
    ]);
    expect(client.sent[2]?.payload).toMatchObject({
      task_tool_call_id: "t1",
      event: { type: "ContentPart", payload: {} },
    });
  });

  test("a replay has the old types only", () => {
    const { sink, client } = setUp();
    const record = (type: string, isRequest = false): WireRecord => ({ type, isRequest, id: null, json: "{}" });
    sink.replay([record("TurnBegin"), record("PlanDisplay"), record("QuestionRequest", true), record("TurnEnd")]);
    sink.replay([record("Notification")]);
    expect(client.replayed.map(({ type }) => type)).toEqual(["TurnBegin", "TurnEnd"]);
  });
});

describe("requests", () => {
  test.each(["QuestionRequest", "HookRequest"])("%s is answered here, and never sent", async (type) => {
    const { ask, client } = setUp();
    await expect(ask(type, { id: "r1" })).rejects.toMatchObject({ code: "answered_error" });
    expect(client.sent).toEqual([]);
  });

  test("one approval at a time, in order", async () => {
    const { ask, client, send } = setUp();
    send(begin, step);
    const answers = [ask("ApprovalRequest", { id: "a" }), ask("ApprovalRequest", { id: "b" })];
    await settle();
    expect(client.open.map(({ payload }) => payload.id)).toEqual(["a"]);
    client.open[0]?.answer("first");
    expect(await answers[0]).toBe("first");
    await settle();
    expect(client.open.map(({ payload }) => payload.id)).toEqual(["b"]);
    client.open[0]?.answer("second");
    expect(await answers[1]).toBe("second");
  });

  test("an approval that was settled while it waited is never asked, and the next still waits its turn", async () => {
    const { ask, client } = setUp();
    const settled = new AbortController();
    const first = ask("ApprovalRequest", { id: "a" });
    const second = ask("ApprovalRequest", { id: "b" }, settled.signal);
    const third = ask("ApprovalRequest", { id: "c" });
    settled.abort();
    await expect(second).rejects.toMatchObject({ code: "aborted" });
    await settle();
    expect(client.open.map(({ payload }) => payload.id)).toEqual(["a"]);
    client.open[0]?.answer("first");
    await first;
    await expect.poll(() => client.open.map(({ payload }) => payload.id)).toEqual(["c"]);
    client.open[0]?.answer("third");
    expect(await third).toBe("third");
    expect(client.sent.map(({ payload }) => payload.id)).toEqual(["a", "c"]);
  });

  test("a tool call that waits for its answer holds up no other", async () => {
    const { ask, client } = setUp();
    void ask("ApprovalRequest", { id: "a" });
    void ask("ToolCallRequest", { id: "t1", name: "x", arguments: null });
    void ask("ToolCallRequest", { id: "t2", name: "x", arguments: '{"a":1}' });
    await settle();
    expect(client.open.map(({ payload }) => payload.arguments)).toEqual([undefined, "{}", '{"a":1}']);
  });

  test("a request before the first step of a turn begins one", async () => {
    const { ask, client, send } = setUp();
    send(begin);
    void ask("ApprovalRequest", { id: "a" });
    await settle();
    expect(client.sent.map(({ type }) => type)).toEqual(["TurnBegin", "StepBegin", "ApprovalRequest"]);
  });
});

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
