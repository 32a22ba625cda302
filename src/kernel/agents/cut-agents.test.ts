/**
 * Two subagents and a call beside each other, all of whose calls have the same id, cut behind every record: each acts
 * once, and what the hooks say of one call holds for that one alone.
 */
import { existsSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silentLogger } from "../logger.js";
import type { Message } from "../messages.js";
import type { ChatRequest, StreamEnd, StreamPart } from "../providers/provider.js";
import { fastDisk, recordedSession } from "../testing/cut-journal.js";
import { callPart, FakeProvider, textPart } from "../testing/fake-provider.js";
import { fakeTool, fakeToolset } from "../testing/fake-tools.js";
import { keyOf } from "../testing/scripted-model.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { toolOk } from "../tools/tool.js";
import { AgentRunner } from "./agent-runner.js";

const fixtures = turnFixtures();
/** Of both agents, up to their results. */
const ALL_NESTED = 14;
const REPORT = "r".repeat(200);
const HOOK = [{ id: "h", event: "PreToolUse" as const, matcher: "^Act$", timeout: 600 }];

const textOf = ({ content }: Message) => content.map((part) => (part.type === "text" ? part.text : "")).join("");

/** All models; what they say next is a pure function of the messages. */
async function* answer({
  messages,
  systemPrompt,
}: ChatRequest): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
  const child = systemPrompt !== "SYSTEM";
  const said = messages.map((message) => (message.role === "assistant" ? textOf(message) : "")).join("");
  const tools = messages.filter(({ role }) => role === "tool");
  const done = tools.some((message) => !textOf(message).includes("did not run"));
  const text = done ? `Working. ${child ? REPORT : "Reported."}` : "Working. ";
  if (!text.startsWith(said)) throw new Error(`the model is told that it had said ${said}`);
  for (const piece of text.slice(said.length).match(/.{1,60}/gs) ?? []) yield [textPart(piece)];
  const first = tools.length;
  if (!done && child) yield [callPart(`x${first}`, "Act", { key: messages[0] && textOf(messages[0]) })];
  if (!done && !child) {
    yield [callPart(`x${first}`, "Act", { key: "own" })];
    for (const key of ["one", "two"]) yield [callPart(`${key}${first}`, "Agent", { key })];
  }
  return { usage: null, messageId: "m", finishReason: done ? "stop" : "tool_calls" };
}

function kernel(options: Parameters<typeof fixtures.session>[0] = {}) {
  const effects: string[] = [];
  const act = fakeTool("Act", {
    run: (args) => {
      effects.push(keyOf(args));
      return toolOk("acted");
    },
  });
  const provider = new FakeProvider(...Array.from({ length: 40 }, () => answer));
  const agentTool = fakeTool("Agent", {
    effect: "none",
    run: async (args, { toolCallId, signal, agent }) => {
      const prompt = keyOf(args);
      const asked = { toolCallId, description: "d", prompt, subagentType: "coder", model: null, timeoutS: null };
      const known = agent === undefined ? { resume: null } : { resume: agent.agentId, earlier: agent };
      return toolOk((await agents.run({ ...asked, ...known }, signal)).text);
    },
  });
  const tools = [agentTool, act];
  const made = fixtures.session({ ...options, provider, tools, subscriptions: HOOK, ops: fastDisk, resumes: true });
  // The session's own call is forbidden, and only that one; at first that is said when the others have acted.
  made.sink.onRequest = ({ payload, answer: reply }) => {
    const { tool_input } = payload.input_data as { tool_input: { key: string } };
    if (tool_input.key !== "own") reply({ action: "allow", reason: "" });
    else if (options.share !== undefined) reply({ action: "block", reason: "no" });
    else void made.sink.seen("SubagentEvent", ALL_NESTED).then(() => reply({ action: "block", reason: "no" }));
  };
  const type = { name: "coder", description: "", systemPrompt: () => "I am coder", tools: null, model: null };
  const agents = new AgentRunner({
    recorder: made.recorder,
    gate: {} as never,
    hooks: made.hooks,
    types: [{ ...type, excluded: new Set() }],
    toolset: () => fakeToolset(act),
    provider: async () => provider,
    loop: { max_steps_per_turn: 9, max_retries_per_step: 1 } as never,
    workDir: made.workDir,
    turnSourceId: () => "f".repeat(32),
    planMode: () => false,
    random: () => 0,
    freshCallId: () => "fresh",
    logger: silentLogger,
    ops: fastDisk,
  });
  return { ...made, effects };
}

/** The agents' own conversations in the folder of a session. */
function conversations(dir: string): string[] {
  const root = join(dir, "subagents");
  return existsSync(root) ? readdirSync(root).map((agent) => join(agent, "context.jsonl")) : [];
}

/** How long those were behind each record. */
function watchedSizes({ log }: ReturnType<typeof kernel>): Map<number, Map<string, number>> {
  const sizes = new Map<number, Map<string, number>>();
  const watch = (seq: number, records: number) => {
    const now = conversations(log.dir).map((name): [string, number] => {
      return [name, statSync(join(log.dir, "subagents", name), { throwIfNoEntry: false })?.size ?? 0];
    });
    for (let each = seq; each < seq + records; each += 1) sizes.set(each, new Map(now));
    return seq;
  };
  const { append, note } = { append: log.append.bind(log), note: log.note.bind(log) };
  log.append = (records, options) => watch(append(records, options), records.length);
  log.note = (record, options) => watch(note(record, options), 1);
  return sizes;
}

interface Event {
  type: string;
  payload: Record<string, unknown>;
}

const nested = (sent: readonly Event[]) =>
  sent.flatMap(({ type, payload }) => (type === "SubagentEvent" ? [payload.event as Event] : []));
const shown = (sent: readonly Event[]) =>
  sent.map(({ type, payload }) => (type === "ContentPart" ? String(payload.text) : "")).join("");
const count = (sent: readonly Event[], wanted: string) => sent.filter(({ type }) => type === wanted).length;

test("cut behind every record of the calls", async () => {
  const whole = kernel();
  const sizes = watchedSizes(whole);
  await whole.session.prompt("go", "p1");
  expect(whole.effects.sort()).toEqual(["one", "two"]);
  const { records, end, cutBehind, sentUpTo, label } = recordedSession(whole.share);
  const problems: unknown[] = [];
  const begin = records.findIndex(({ kind }) => kind === "stream_end");
  expect(end - begin).toBeGreaterThan(50);
  for (let cut = begin; cut < end; cut++) {
    const share = cutBehind(cut);
    const kept = records.slice(0, cut + 1);
    const next = kernel({ share });
    const root = join(next.log.dir, "subagents");
    const known = sizes.get(Number(kept.findLast(({ seq }) => sizes.has(Number(seq)))?.seq)) ?? new Map();
    for (const name of conversations(next.log.dir)) {
      const size = known.get(name);
      if (size === undefined) rmSync(join(root, name, ".."), { recursive: true, force: true });
      else if (existsSync(join(root, name))) truncateSync(join(root, name), size);
    }
    const open = next.session.openTurn();
    const result = await next.session.resume(open?.turnId ?? "", "continue").catch((error: unknown) => error);
    const all = [...sentUpTo(cut), ...next.sink.sent] as Event[];
    const begun = kept.flatMap(({ note }) => {
      const { kind, arguments: args } = (note ?? {}) as { kind?: string; arguments?: string };
      return kind === "intent" ? [keyOf(args ?? null)] : [];
    });
    const seen = {
      result,
      text: shown(all),
      nested: shown(nested(all)).length,
      effects: [...begun, ...next.effects].sort(),
      brackets: [count(nested(all), "TurnBegin"), count(nested(all), "TurnEnd")],
      results: [count(all, "ToolResult"), count(nested(all), "ToolResult")],
      hooks: count(all, "HookTriggered") - count(all, "HookResolved"),
    };
    const wanted = {
      result: { status: "finished" },
      text: "Working. Reported.",
      nested: 2 * "Working. ".length + 2 * REPORT.length,
      effects: ["one", "two"],
      brackets: [2, 2],
      results: [count(all, "ToolCall"), count(nested(all), "ToolCall")],
      hooks: 0,
    };
    if (JSON.stringify(seen) !== JSON.stringify(wanted)) problems.push([label(cut), records[cut]?.note, seen]);
    share.remove();
  }
  expect(problems).toEqual([]);
}, 120_000);
