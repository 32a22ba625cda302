/**
 * Two subagents and a call beside each other, all of whose calls have the same id, cut behind every record: each acts
 * once, and what the hooks say of one call holds for that one alone.
 */
import { existsSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ChatRequest, StreamEnd, StreamPart } from "../providers/provider.js";
import { agentTool, nested, type SentEvent, sessionAgents, shown, textOf, watched } from "../testing/cut-agents.js";
import { fastDisk, recordedSession } from "../testing/cut-journal.js";
import { callPart, FakeProvider, textPart } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { keyOf } from "../testing/scripted-model.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { toolOk } from "../tools/tool.js";

const fixtures = turnFixtures();
/** Of both agents, up to their results. */
const ALL_NESTED = 14;
const REPORT = "r".repeat(200);
const HOOK = [{ id: "h", event: "PreToolUse" as const, matcher: "^Act$", timeout: 600 }];

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
  const tools = [agentTool(keyOf, () => agents), act];
  const made = fixtures.session({ ...options, provider, tools, subscriptions: HOOK, ops: fastDisk, resumes: true });
  // The session's own call is forbidden, and only that one; at first that is said when the others have acted.
  made.sink.onRequest = ({ payload, answer: reply }) => {
    const { tool_input } = payload.input_data as { tool_input: { key: string } };
    if (tool_input.key !== "own") reply({ action: "allow", reason: "" });
    else if (options.share !== undefined) reply({ action: "block", reason: "no" });
    else void made.sink.seen("SubagentEvent", ALL_NESTED).then(() => reply({ action: "block", reason: "no" }));
  };
  const agents = sessionAgents(made, act, provider, "I am coder");
  return { ...made, effects };
}

/** The agents' own conversations in the folder of a session. */
function conversations(dir: string): string[] {
  const root = join(dir, "subagents");
  return existsSync(root) ? readdirSync(root).map((agent) => join(agent, "context.jsonl")) : [];
}

/** How long those are now. */
function sizesNow({ log }: ReturnType<typeof kernel>): Map<string, number> {
  const sizes = conversations(log.dir).map((name): [string, number] => {
    return [name, statSync(join(log.dir, "subagents", name), { throwIfNoEntry: false })?.size ?? 0];
  });
  return new Map(sizes);
}

const count = (sent: readonly SentEvent[], wanted: string) => sent.filter(({ type }) => type === wanted).length;

test("cut behind every record of the calls", async () => {
  const whole = kernel();
  const sizes = watched(whole.log, () => sizesNow(whole));
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
    const all = [...sentUpTo(cut), ...next.sink.sent] as SentEvent[];
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
