/** A turn that plays a script with everything in it, and the rest of it in kernels that follow. For tests. */
import type { TempShare } from "../storage/testing/temp-share.js";
import { type ExecuteContext, type ToolReturn, toolOk } from "../tools/tool.js";
import { clientToolCaller } from "../turn/client-tool.js";
import { fastDisk, recordedSession } from "./cut-journal.js";
import { FakeProvider } from "./fake-provider.js";
import { fakeTool } from "./fake-tools.js";
import { acknowledged, keyOf, type ScriptStep, scriptedModel } from "./scripted-model.js";
import type { FixtureOptions, SessionFixture } from "./turn-fixture.js";

export interface TurnScript {
  /** Calls of Act, Ask (approved), Refused (with a reason), Read, Client (a tool of the client). */
  steps: readonly ScriptStep[];
  prefill: boolean;
  /** When a steer comes, counted in messages to the client. */
  steers: readonly number[];
  /** The client is asked before each call, and allows it. */
  hooks?: boolean;
}

type MakeSession = (options: FixtureOptions) => SessionFixture;

const CLIENT_ANSWER = { return_value: { is_error: false, output: "done", message: "", display: [] } };

/** A kernel for the script; `answered` are the requests of its tools that its client has answered before. */
function kernel(
  make: MakeSession,
  { steps, prefill, steers, hooks }: TurnScript,
  answered: Set<string>,
  share?: TempShare,
) {
  const effects: string[] = [];
  const run = (args: string | null): ToolReturn => {
    effects.push(keyOf(args));
    return toolOk("acted");
  };
  const provider = new FakeProvider(...Array.from({ length: 30 }, () => scriptedModel(steps)));
  if (prefill) Object.assign(provider, { canPrefill: true });
  const client = {
    name: "Client",
    exclusiveKey: () => null,
    prepare: async (args: string | null, { toolCallId }: { toolCallId: string }) => ({
      ask: null,
      effect: "exec" as const,
      byClient: true,
      execute: ({ signal, earlier }: ExecuteContext) =>
        callClient({ id: toolCallId, name: "Client", arguments: args }, signal, earlier),
    }),
  };
  const asking = ["Ask", "Refused"].map((name) => fakeTool(name, { ask: true, run }));
  const tools = [fakeTool("Act", { run }), ...asking, fakeTool("Read", { effect: "read" }), client];
  const subscriptions = hooks === true ? [{ id: "h", event: "PreToolUse" as const, matcher: "", timeout: 30 }] : [];
  const made = make({
    ...{ provider, tools, subscriptions, ops: fastDisk, resumes: true },
    ...(share === undefined ? {} : { share }),
  });
  const callClient = clientToolCaller(made.recorder, (raw) => raw as never);
  made.sink.onRequest = ({ type, payload, answer }) => {
    const id = String(payload.id);
    if (type === "ApprovalRequest") {
      const refused = payload.sender === "Refused";
      answer({ request_id: id, response: refused ? "reject" : "approve", feedback: refused ? "no" : "" });
      return;
    }
    if (type === "HookRequest") return answer({ action: "allow", reason: "" });
    if (!answered.has(id)) effects.push(keyOf(String(payload.arguments)));
    answered.add(id);
    answer(CLIENT_ANSWER);
  };
  if (share === undefined) steerAt(made, steers);
  return { ...made, effects };
}

/** One that comes too late is refused. */
function steerAt({ session, sink }: SessionFixture, steers: readonly number[]): void {
  const deliver = sink.deliver.bind(sink);
  let delivered = 0;
  sink.deliver = (...delivery) => {
    deliver(...delivery);
    delivered += 1;
    for (const [index, at] of steers.entries()) {
      const text = `steer ${index}`;
      if (at === delivered)
        Promise.resolve()
          .then(() => session.steer(text, text), undefined)
          .catch(() => {});
    }
  };
}

/** Runs the whole turn; gives the folder of its session. */
export async function playWhole(make: MakeSession, script: TurnScript): Promise<TempShare> {
  const { session, share } = kernel(make, script, new Set());
  await session.prompt("go", "p1");
  return share;
}

/** What there is to see of a turn from its beginning to its end. */
interface TurnView {
  label: string;
  result: unknown;
  shown: string;
  /** The model's text in the conversation. */
  stored: string;
  /** Of TurnBegin and TurnEnd. */
  brackets: [number, number];
  /** Number of SteerInput. */
  steered: number;
  retried: boolean;
  /** Calls whose hooks were shown, each time that they were; the client saw the end of each. */
  hooked: [asked: number, decided: number];
  /** Keys of the calls that acted, or may have. */
  effects: string[];
  /** Ids of the results in the conversation. */
  results: string[];
  /** Ids of the approvals whose end the client was told, sorted. */
  approvals: string[];
}

/**
 * Cuts the session behind a record and lets another kernel go on; `seen` has to equal `wanted`. The caller removes the
 * folder.
 */
export async function playCut(make: MakeSession, script: TurnScript, dead: TempShare, cut: number) {
  const { records, cutBehind, sentUpTo, label } = recordedSession(dead);
  const kept = records.slice(0, cut + 1);
  const share = cutBehind(cut);
  const asked = kept.flatMap(({ kind, type, payload }) =>
    kind === "request" && type === "ToolCallRequest" ? [payload as { id: string; arguments: string }] : [],
  );
  const next = kernel(make, script, new Set(asked.map(({ id }) => id)), share);
  const turnId = next.session.openTurn()?.turnId ?? "";
  const result = await next.session.resume(turnId, "continue").catch((error: unknown) => error);
  const sent = [...sentUpTo(cut), ...next.sink.sent];
  const count = (wanted: string) => sent.filter(({ type }) => type === wanted).length;
  const idsOf = (wanted: string, key: string) =>
    sent.flatMap(({ type, payload }) => (type === wanted ? [String(payload[key])] : []));
  const begun = kept.flatMap(({ kind, name, arguments: args }) =>
    kind === "intent" && name !== "Read" && name !== "Client" ? [keyOf(String(args))] : [],
  );
  const messages = next.log.load().messages;
  const said = messages.flatMap((message) => (message.role === "assistant" ? [message] : []));
  const seen: TurnView = {
    label: label(cut),
    result,
    shown: sent.map(({ type, payload }) => (type === "ContentPart" ? String(payload.text ?? "") : "")).join(""),
    stored: said.flatMap(({ content }) => content.map((part) => (part.type === "text" ? part.text : ""))).join(""),
    brackets: [count("TurnBegin"), count("TurnEnd")],
    steered: count("SteerInput"),
    retried: count("StepRetry") > 0,
    hooked: [count("HookTriggered"), count("HookResolved")],
    effects: [...begun, ...asked.map((request) => keyOf(request.arguments)), ...next.effects].sort(),
    results: messages.flatMap((message) => (message.role === "tool" ? [message.tool_call_id] : [])),
    approvals: idsOf("ApprovalResponse", "request_id").sort(),
  };
  const steers = kept.filter(({ kind }) => kind === "steer").map(({ user_input }) => String(user_input));
  const text = script.steps.map((step) => step.text).join("") + steers.map(acknowledged).join("");
  const acting = script.steps.flatMap(({ calls }) => calls.filter(({ tool }) => tool !== "Read" && tool !== "Refused"));
  const wanted: TurnView = {
    label: label(cut),
    result: { status: "finished" },
    shown: text,
    stored: text,
    brackets: [1, 1],
    steered: steers.length,
    retried: false,
    hooked: [count("HookTriggered"), count("HookTriggered")],
    effects: acting.map(({ key }) => key).sort(),
    results: said.flatMap(({ tool_calls }) => tool_calls.map(({ id }) => id)),
    approvals: [...new Set(idsOf("ApprovalRequest", "id"))].sort(),
  };
  await next.session.close({ clean: true, graceMs: 1_000 });
  return { seen, wanted, share };
}
