import { expect, test } from "vitest";
import type { Message } from "../messages.js";
import type { ChatRequest, StreamEnd, StreamPart } from "../providers/provider.js";
import { interruptedCall, toolMessage } from "../storage/tool-message.js";
import type { StepPosition, TurnPosition } from "../storage/turn-position.js";
import { callPart, FakeProvider, failing, providerError, reply, textPart, toolCall } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { endedStep, stepPosition, turnPosition } from "../testing/turn-positions.js";
import { resumeTurn } from "./resume-turn.js";

const fixtures = turnFixtures();
const WHOLE = "The quick brown fox jumps over the lazy dog.";

async function setUp(provider: FakeProvider, change: Partial<TurnPosition>, prefill = false) {
  const ran: string[] = [];
  const tool = fakeTool("Act", {
    run: (args) => {
      ran.push(args ?? "");
      return { isError: false, output: "acted", message: "", display: [] };
    },
  });
  if (prefill) Object.assign(provider, { canPrefill: true });
  const made = await fixtures.turn({ provider, tools: [tool] });
  made.history.checkpoint([{ type: "text", text: "go" }]);
  const signal = new AbortController().signal;
  return { ...made, ran, run: () => resumeTurn(turnPosition(change), made.deps, signal) };
}

const textOf = (message: Message) => message.content.map((part) => (part.type === "text" ? part.text : "")).join("");

/** A model whose answer is a pure function of the messages: the rest of WHOLE, however it was told what is there. */
function pureModel(): FakeProvider {
  const answer = async function* (request: ChatRequest): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
    const said = request.messages.map((m) => (m.role === "assistant" ? textOf(m) : "")).join("");
    if (!WHOLE.startsWith(said)) throw new Error(`the model is told that it had said ${said}`);
    for (const char of WHOLE.slice(said.length)) yield [textPart(char)];
    return { usage: null, messageId: null, finishReason: "stop" };
  };
  return new FakeProvider(answer, answer, answer);
}

const shown = (sent: { type: string; payload: Record<string, unknown> }[]) =>
  sent.map(({ type, payload }) => (type === "ContentPart" ? String(payload.text) : "")).join("");

test("no step began: the first one begins", async () => {
  const { run, sink } = await setUp(pureModel(), {});
  expect(await run()).toEqual({ status: "finished" });
  expect(sink.types()[0]).toBe("StepBegin");
  expect(shown(sink.sent)).toBe(WHOLE);
});

test("a step began and was not marked: no second StepBegin, its checkpoint is made", async () => {
  const { run, sink, journal } = await setUp(pureModel(), { step: stepPosition({ marked: false }) });
  await run();
  expect(sink.types()).not.toContain("StepBegin");
  expect(journal().filter(({ kind }) => kind === "step")).toHaveLength(1);
});

test("the model had said nothing, or only thought: it is asked again in the same step", async () => {
  for (const content of [[], [{ type: "think" as const, think: "hm", encrypted: null }]]) {
    const { run, sink, journal, provider } = await setUp(pureModel(), { step: stepPosition({ content }) });
    await run();
    expect(sink.types()).not.toContain("StepBegin");
    expect(sink.types()).not.toContain("StepRetry");
    expect(journal().filter(({ kind }) => kind === "step")).toEqual([]);
    expect(provider.requests[0]?.messages.map(({ role }) => role)).toEqual(["user"]);
    expect(shown(sink.sent)).toBe(WHOLE);
  }
});

test.each([true, false])("text is neither lost nor repeated, wherever it was cut (prefill: %s)", async (prefill) => {
  for (const cut of [1, 2, 3, 4, 9, 10, 20, WHOLE.length - 1, WHOLE.length]) {
    const content = [{ type: "text" as const, text: WHOLE.slice(0, cut) }];
    const thought = { type: "think" as const, think: "half a", encrypted: null };
    const step = stepPosition({ content: [thought, ...content] });
    const { run, sink, history, journal, provider } = await setUp(pureModel(), { step }, prefill);
    expect(await run()).toEqual({ status: "finished" });
    expect(WHOLE.slice(0, cut) + shown(sink.sent)).toBe(WHOLE);
    const kept = history.messages.filter(({ role }) => role === "assistant");
    expect(kept.map(textOf).join("")).toBe(WHOLE);
    expect(kept.length).toBe(prefill || cut === WHOLE.length ? 1 : 2);
    const notices = journal().filter(({ kind, code }) => kind === "notice" && code === "continued");
    expect(notices.map(({ data }) => data)).toEqual(prefill ? [] : [{ n: 1 }]);
    expect(JSON.stringify(provider.requests)).not.toContain("half a");
    expect(sink.types()).not.toContain("StepBegin");
  }
});

test("the cut reply and its note go down in one record, and the notice behind it", async () => {
  const step = stepPosition({ content: [{ type: "text", text: "The quick" }] });
  const { run, journal } = await setUp(pureModel(), { step });
  await run();
  const kinds = journal().map(({ kind, lines }) => {
    return kind === "context" ? (lines as { role: string }[]).map(({ role }) => role).join(" ") : kind;
  });
  const at = kinds.indexOf("assistant user");
  expect(at).toBeGreaterThan(0);
  expect(kinds[at + 1]).toBe("notice");
});

test("a second death between the stored cut and its notice stores nothing twice", async () => {
  const content = [{ type: "text" as const, text: "The quick" }];
  const first = await setUp(new FakeProvider(failing(new Error("killed"))), { step: stepPosition({ content }) });
  await expect(first.run()).rejects.toThrow("killed");
  const before = first.history.messages.length;
  first.provider.script(pureModel().stream.bind(pureModel()));
  const position = turnPosition({ step: stepPosition({ content, stored: true }) });
  await resumeTurn(position, first.deps, new AbortController().signal);
  expect(first.history.messages.length).toBe(before + 1);
  const kept = first.history.messages.filter(({ role }) => role === "assistant");
  expect(kept.map(textOf).join("")).toBe(WHOLE);
});

test("a continuation that breaks goes on behind what it had said, without StepRetry", async () => {
  for (const prefill of [true, false]) {
    const model = pureModel();
    const answers = [failing(providerError("cut"), [" quick"]), model.stream.bind(model)];
    const step = stepPosition({ content: [{ type: "text", text: "The" }] });
    const { run, sink, history } = await setUp(new FakeProvider(...answers), { step }, prefill);
    await run();
    expect(`The${shown(sink.sent)}`).toBe(WHOLE);
    expect(sink.types()).not.toContain("StepRetry");
    expect(
      history.messages
        .filter(({ role }) => role === "assistant")
        .map(textOf)
        .join(""),
    ).toBe(WHOLE);
  }
});

test("a server that refuses a prefill gets the note", async () => {
  const refusal = providerError("no prefill", { errorType: "APIStatusError", retryable: false, statusCode: 400 });
  const model = pureModel();
  const provider = new FakeProvider(failing(refusal), model.stream.bind(model));
  const step = stepPosition({ content: [{ type: "text", text: "The" }] });
  const { run, sink } = await setUp(provider, { step }, true);
  await run();
  expect(`The${shown(sink.sent)}`).toBe(WHOLE);
  expect(provider.requests.map(({ messages }) => messages.at(-1)?.role)).toEqual(["assistant", "user"]);
});

test("an empty continuation means that the reply was complete", async () => {
  for (const prefill of [true, false]) {
    const step = stepPosition({ content: [{ type: "text", text: WHOLE }] });
    const { run, history, sink } = await setUp(new FakeProvider(reply([])), { step }, prefill);
    expect(await run()).toEqual({ status: "finished" });
    expect(sink.types()).not.toContain("StepRetry");
    const kept = history.messages.filter(({ role }) => role === "assistant");
    expect(kept.map(textOf)).toEqual([WHOLE]);
  }
});

test("a call of a cut stream does not run: result, tool message, {} for half arguments, and the model goes on", async () => {
  const toolCalls = [toolCall("c1", "Act", '{"x":'), toolCall("c2", "Act", { y: 1 })];
  const known = { returnValue: interruptedCall(), rejection: null };
  const calls = new Map([["c2", { result: known, hook: null, approval: null, request: null, intent: null }]]);
  const step = stepPosition({ content: [{ type: "text", text: "So" }], toolCalls, calls });
  const { run, sink, history, ran, provider } = await setUp(new FakeProvider(reply(["again"])), { step });
  expect(await run()).toEqual({ status: "finished" });
  expect(sink.payloads("ToolResult")).toEqual([{ tool_call_id: "c1", return_value: interruptedCall() }]);
  expect(ran).toEqual([]);
  expect(provider.requests[0]?.messages).toEqual([
    { role: "user", content: [{ type: "text", text: "go" }] },
    {
      role: "assistant",
      content: [{ type: "text", text: "So" }],
      tool_calls: [toolCall("c1", "Act", "{}"), toolCall("c2", "Act", { y: 1 })],
    },
    toolMessage("c1", interruptedCall()),
    toolMessage("c2", interruptedCall()),
  ]);
  expect(history.messages.at(-1)).toMatchObject({ role: "assistant" });
});

test("the token estimate counts what was said before the cut", async () => {
  const step = stepPosition({ content: [{ type: "text", text: "x".repeat(400) }] });
  const { run, history, provider } = await setUp(new FakeProvider(reply(["end"])), { step });
  const before = history.estimatedTokens;
  await run();
  expect(history.estimatedTokens - before).toBeGreaterThanOrEqual(100);
  expect(provider.requests).toHaveLength(1);
});

const ended = (change: Partial<StepPosition> = {}) => endedStep([toolCall("c1", "Act", { a: 1 })], {}, change);

test("the stream had ended: the calls run, the model is not asked again for them", async () => {
  const { run, sink, ran, provider, journal } = await setUp(new FakeProvider(reply(["done"])), { step: ended() });
  expect(await run()).toEqual({ status: "finished" });
  expect(ran).toEqual(['{"a":1}']);
  expect(provider.requests).toHaveLength(1);
  expect(sink.types().filter((type) => type === "StatusUpdate")).toHaveLength(1);
  expect(journal().filter(({ kind, n }) => kind === "stream_end" && n === 1)).toEqual([]);
  expect(sink.payloads("StepBegin")).toEqual([{ n: 2 }]);
});

test("a StatusUpdate that was not shown is shown first", async () => {
  const { run, sink } = await setUp(new FakeProvider(reply(["done"])), { step: ended({ statusShown: false }) });
  await run();
  expect(sink.types()[0]).toBe("StatusUpdate");
});

const RESULT = { is_error: false, output: "old", message: "", display: [], extras: null };

test("all results are there: nothing runs, nothing is recorded again, the step goes into the conversation", async () => {
  const done = { c1: { result: { returnValue: RESULT, rejection: null } } };
  const step = endedStep([toolCall("c1", "Act")], done);
  const { run, sink, ran, history, provider } = await setUp(new FakeProvider(reply(["done"])), { step });
  expect(await run()).toEqual({ status: "finished" });
  expect(ran).toEqual([]);
  expect(sink.payloads("ToolResult")).toEqual([]);
  expect(history.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
  expect(provider.requests[0]?.messages.at(-1)).toEqual(toolMessage("c1", RESULT));
});

test("a no without a word in a recorded result ends the turn, one with words does not", async () => {
  for (const [rejection, asked] of [
    ["", 0],
    ["not so", 1],
  ] as const) {
    const step = endedStep([toolCall("c1", "Act")], { c1: { result: { returnValue: RESULT, rejection } } });
    const { run, provider } = await setUp(new FakeProvider(reply(["done"])), { step });
    expect(await run()).toEqual({ status: "finished" });
    expect(provider.requests).toHaveLength(asked);
  }
});

test("the outcome that was recorded holds", async () => {
  const done = { c1: { result: { returnValue: RESULT, rejection: null } } };
  const step = endedStep([toolCall("c1", "Act")], done, { outcome: "stop" });
  const { run, provider, history, journal } = await setUp(new FakeProvider(), { step });
  expect(await run()).toEqual({ status: "finished" });
  expect(provider.requests).toEqual([]);
  expect(history.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool"]);
  expect(journal().filter(({ kind }) => kind === "step_end")).toEqual([]);
});

test("a stored step is not stored again: again goes on, end takes the steers that wait", async () => {
  const again = await setUp(pureModel(), { step: ended({ stored: true, outcome: "again", n: 3 }) });
  await again.run();
  expect(again.sink.payloads("StepBegin")).toEqual([{ n: 4 }]);
  expect(again.ran).toEqual([]);

  const end = await setUp(pureModel(), { step: stepPosition({ stored: true, outcome: "end" }) });
  expect(await end.run()).toEqual({ status: "finished" });
  expect(end.provider.requests).toEqual([]);

  const steered = await setUp(pureModel(), { step: stepPosition({ stored: true, outcome: "end" }) });
  steered.deps.steers.push({ id: "s1", userInput: "more" });
  await steered.run();
  expect(steered.sink.types().slice(0, 2)).toEqual(["SteerInput", "StepBegin"]);
});

test("a step that failed is over: the next one asks", async () => {
  const { run, sink } = await setUp(pureModel(), { step: stepPosition({ interrupted: true, n: 2 }) });
  await run();
  expect(sink.payloads("StepBegin")).toEqual([{ n: 3 }]);
});

test("the steps of a turn are counted on", async () => {
  const { run, deps } = await setUp(new FakeProvider(reply([callPart("c9", "Act")])), { step: ended({ n: 2 }) });
  deps.loop.max_steps_per_turn = 3;
  expect(await run()).toEqual({ status: "max_steps_reached", steps: 3 });
});

test("repetitions of the dead kernel count", async () => {
  const call = { name: "Act", arguments: '{"a":1}' };
  const earlierCalls = Array.from({ length: 11 }, () => [call]);
  const { run, provider } = await setUp(new FakeProvider(), { step: ended(), earlierCalls });
  expect(await run()).toEqual({ status: "finished" });
  expect(provider.requests).toEqual([]);
});
