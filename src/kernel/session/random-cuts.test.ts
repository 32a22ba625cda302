/** Random turns, cut behind a random record, gone on with, cut again, gone on with: nothing is lost, nothing done twice. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { nodeFileOperations } from "../storage/file-operations.js";
import type { TempShare } from "../storage/testing/temp-share.js";
import { recordedSession } from "../testing/cut-journal.js";
import { FakeProvider } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { acknowledged, keyOf, type ScriptStep, scriptedModel } from "../testing/scripted-model.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { type ExecuteContext, type ToolReturn, toolOk } from "../tools/tool.js";
import { clientToolCaller } from "../turn/client-tool.js";

const fixtures = turnFixtures();
/** Fake: a disk that is fast, since no power fails here. */
const OPS = { ...nodeFileOperations, fsync: () => {}, fsyncDir: () => {} };

interface Plan {
  script: ScriptStep[];
  prefill: boolean;
  /** Counted in messages to the client: when a steer comes. */
  steers: number[];
}

const call = fc.constantFrom("Act", "Ask", "Refused", "Read", "Client");
const step = (calls: [number, number]) =>
  fc.record({
    think: fc.boolean(),
    text: fc.integer({ min: 0, max: 9 }),
    calls: fc.array(call, { minLength: calls[0], maxLength: calls[1] }),
  });
const plan: fc.Arbitrary<Plan> = fc
  .record({
    steps: fc.array(step([1, 3]), { maxLength: 2 }),
    last: step([0, 0]),
    prefill: fc.boolean(),
    steers: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 2 }),
  })
  .map(({ steps, last, prefill, steers }) => ({
    prefill,
    steers,
    script: [...steps, { ...last, text: last.text + 1 }].map(({ think, text, calls }, n) => ({
      think,
      text: `${n}abcdefghi`.slice(0, text),
      calls: calls.map((tool, at) => ({ tool, key: `${n}${at}` })),
    })),
  }));

/** A kernel of the plan's session; `answers` are what its client keeps of the calls of its tools. */
function kernel({ script, prefill, steers }: Plan, answers: Map<string, unknown>, share?: TempShare) {
  const effects: string[] = [];
  const act = (args: string | null): ToolReturn => {
    effects.push(keyOf(args));
    return toolOk("acted");
  };
  const model = scriptedModel(script);
  const provider = new FakeProvider(...Array.from({ length: 30 }, () => model));
  if (prefill) Object.assign(provider, { canPrefill: true });
  const tools = [
    fakeTool("Act", { run: act }),
    fakeTool("Ask", { ask: true, run: act }),
    fakeTool("Refused", { ask: true, run: act }),
    fakeTool("Read", { effect: "read", run: () => toolOk("read") }),
    {
      name: "Client",
      exclusiveKey: () => null,
      prepare: async (args: string | null, { toolCallId }: { toolCallId: string }) => ({
        ask: null,
        effect: "exec" as const,
        byClient: true,
        execute: ({ signal, earlier }: ExecuteContext) =>
          callClient({ id: toolCallId, name: "Client", arguments: args }, signal, earlier),
      }),
    },
  ];
  const made = fixtures.session({
    provider,
    tools,
    ops: OPS,
    resumes: true,
    ...(share === undefined ? {} : { share }),
  });
  const callClient = clientToolCaller(made.recorder, (raw) => raw as never);
  made.sink.onRequest = ({ type, payload, answer }) => {
    if (type === "ApprovalRequest") {
      const refused = payload.sender === "Refused";
      answer({ request_id: payload.id, response: refused ? "reject" : "approve", feedback: refused ? "no" : "" });
    } else {
      const id = String(payload.id);
      if (!answers.has(id)) effects.push(keyOf(payload.arguments as string));
      answers.set(id, CLIENT_ANSWER);
      answer(CLIENT_ANSWER);
    }
  };
  const deliver = made.sink.deliver.bind(made.sink);
  let delivered = 0;
  made.sink.deliver = (...delivery) => {
    deliver(...delivery);
    delivered += 1;
    for (const [index, at] of steers.entries()) {
      // One that comes too late is refused.
      if (at === delivered && share === undefined) void Promise.resolve().then(() => steer(`steer ${index}`));
    }
  };
  const steer = (text: string) => {
    try {
      void made.session.steer(text, text);
    } catch {}
  };
  return { ...made, effects };
}

const CLIENT_ANSWER = { return_value: { is_error: false, output: "done", message: "", display: [] } };

const count = (items: readonly string[], wanted: string) => items.filter((item) => item === wanted).length;

test("nothing is lost, nothing done twice", async () => {
  const fraction = fc.double({ min: 0, max: 0.999, noNaN: true });
  await fc.assert(
    fc.asyncProperty(plan, fraction, fraction, async (planned, first, second) => {
      const whole = kernel(planned, new Map());
      expect(await whole.session.prompt("go", "p1")).toEqual({ status: "finished" });
      const one = await goOn(planned, whole.share, first, 0);
      const two = await goOn(planned, one.share, second, one.cut);
      one.share.remove();
      two.share.remove();
    }),
    { interruptAfterTimeLimit: 5_000, numRuns: 200, endOnFailure: true },
  );
}, 60_000);

/** Cuts behind a record after `from`, goes on, and looks at everything. */
async function goOn(planned: Plan, dead: TempShare, fraction: number, from: number) {
  const { records, begin, end, cutBehind, sentUpTo, label } = recordedSession(dead);
  const low = Math.max(begin, from);
  const cut = low + Math.floor((end - low) * fraction);
  const kept = records.slice(0, cut + 1);
  const share = cutBehind(cut);
  const asked = kept
    .filter(({ kind, type }) => kind === "request" && type === "ToolCallRequest")
    .map(({ payload }) => payload as { id: string; arguments: string });
  const next = kernel(planned, new Map(asked.map(({ id }) => [id, CLIENT_ANSWER])), share);
  const result = await next.session
    .resume(next.session.openTurn()?.turnId ?? "", "continue")
    .catch((error: unknown) => error);
  const sent = [...sentUpTo(cut), ...next.sink.sent];
  const types = sent.map(({ type }) => type);
  const shown = sent.map(({ type, payload }) => (type === "ContentPart" ? String(payload.text ?? "") : "")).join("");
  const steers = kept.filter(({ kind }) => kind === "steer").map(({ user_input }) => String(user_input));
  const before = kept.flatMap(({ kind, name, arguments: args }) =>
    kind === "intent" && name !== "Read" && name !== "Client" ? [keyOf(args as string)] : [],
  );
  const effects = [...before, ...asked.map((request) => keyOf(request.arguments)), ...next.effects];
  const messages = next.log.load().messages;
  const calls = messages.flatMap((message) =>
    message.role === "assistant" ? message.tool_calls.map(({ id }) => id) : [],
  );
  const results = messages.flatMap((message) => (message.role === "tool" ? [message.tool_call_id] : []));
  const stored = messages.flatMap((message) =>
    message.role === "assistant" ? message.content.map((part) => (part.type === "text" ? part.text : "")) : [],
  );
  const text = planned.script.map((each) => each.text).join("") + steers.map(acknowledged).join("");
  const keys = planned.script.flatMap((each) => each.calls.filter(({ tool }) => tool !== "Read" && tool !== "Refused"));
  expect({
    label: label(cut),
    result,
    shown,
    stored: stored.join(""),
    brackets: [count(types, "TurnBegin"), count(types, "TurnEnd")],
    steered: count(types, "SteerInput"),
    retried: types.includes("StepRetry"),
    effects: effects.sort(),
    results,
  }).toEqual({
    label: label(cut),
    result: { status: "finished" },
    shown: text,
    stored: text,
    brackets: [1, 1],
    steered: steers.length,
    retried: false,
    effects: keys.map(({ key }) => key).sort(),
    results: calls,
  });
  await next.session.close({ clean: true, graceMs: 1_000 });
  return { share, cut };
}
