/** A turn with a subagent that really ran, its journal cut behind every record of the agent. */
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silentLogger } from "../logger.js";
import type { Message } from "../messages.js";
import type { ChatRequest, StreamEnd, StreamPart } from "../providers/provider.js";
import { sessionPaths } from "../storage/share-folder.js";
import { tempShare } from "../storage/testing/temp-share.js";
import { callPart, FakeProvider, textPart } from "../testing/fake-provider.js";
import { fakeTool, fakeToolset } from "../testing/fake-tools.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { toolOk } from "../tools/tool.js";
import { AgentRunner } from "./agent-runner.js";

const fixtures = turnFixtures();
const WORKING = "Working. ";
const REPORT = "r".repeat(200);

const textOf = ({ content }: Message) => content.map((part) => (part.type === "text" ? part.text : "")).join("");

/** Both models; what they say next is a pure function of the messages. */
async function* answer({
  messages,
  systemPrompt,
}: ChatRequest): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
  const child = systemPrompt !== "SYSTEM";
  const said = messages.map((message) => (message.role === "assistant" ? textOf(message) : "")).join("");
  const tools = messages.filter(({ role }) => role === "tool");
  const done = tools.some((message) => !textOf(message).includes("did not run"));
  const first = child ? WORKING : "Asking. ";
  const text = done ? first + (child ? REPORT : "Reported.") : first;
  if (!text.startsWith(said)) throw new Error(`the model is told that it had said ${said}`);
  for (const piece of text.slice(said.length).match(/.{1,6}/gs) ?? []) yield [textPart(piece)];
  if (!done) yield [callPart(`${child ? "s" : "c"}${tools.length + 1}`, child ? "Act" : "Agent", {})];
  return { usage: null, messageId: "m", finishReason: done ? "stop" : "tool_calls" };
}

function kernel(options: Parameters<typeof fixtures.session>[0]) {
  let effects = 0;
  const act = fakeTool("Act", {
    run: () => {
      effects += 1;
      return toolOk("acted");
    },
  });
  const provider = new FakeProvider(...Array.from({ length: 20 }, () => answer));
  const agentTool = fakeTool("Agent", {
    effect: "none",
    run: async (_args, { toolCallId, signal, agent }) => {
      const asked = { toolCallId, description: "d", prompt: "do", subagentType: "coder", model: null, timeoutS: null };
      const known = agent === undefined ? { resume: null } : { resume: agent.agentId, earlier: agent };
      return toolOk((await agents.run({ ...asked, ...known }, signal)).text);
    },
  });
  const made = fixtures.session({ ...options, provider, tools: [agentTool], resumes: true });
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
  });
  return { ...made, effects: () => effects };
}

interface Event {
  type: string;
  payload: Record<string, unknown>;
}

const nested = (sent: readonly Event[]) =>
  sent.flatMap(({ type, payload }) => (type === "SubagentEvent" ? [payload.event as Event] : []));
const shown = (sent: readonly Event[]) =>
  sent.map(({ type, payload }) => (type === "ContentPart" ? String(payload.text) : "")).join("");

test("cut behind every record", async () => {
  const whole = kernel({});
  await whole.session.prompt("go", "p1");
  expect([shown(whole.sink.sent), shown(nested(whole.sink.sent))]).toEqual(["Asking. Reported.", WORKING + REPORT]);
  const paths = (share: string) => sessionPaths(share, join(share, "work"), "S1");
  const lines = readFileSync(paths(whole.share.shareDir).journal, "utf8").split(/(?<=\n)/);
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const begin = records.findIndex(({ kind }) => kind === "turn");
  const end = records.findIndex(({ kind }) => kind === "turn_end");
  const problems: unknown[] = [];
  for (let cut = begin; cut < end; cut++) {
    const share = tempShare();
    cpSync(whole.share.shareDir, share.shareDir, { recursive: true });
    cpSync(paths(whole.share.shareDir).dir, paths(share.shareDir).dir, { recursive: true });
    const files = JSON.parse(JSON.stringify(paths(share.shareDir))) as Record<string, string>;
    rmSync(files.lock ?? "", { force: true });
    writeFileSync(files.journal ?? "", lines.slice(0, cut + 1).join(""));
    const lengths = records.slice(0, cut + 1).findLast((record) => typeof record.context_length === "number");
    truncateSync(files.context ?? "", Number(lengths?.context_length ?? 0));
    truncateSync(files.wire ?? "", Number(lengths?.wire_length ?? 0));
    const kept = records.slice(begin, cut + 1);
    cutFolder(join(paths(share.shareDir).dir, "subagents"), kept);
    const next = kernel({ share });
    const open = next.session.openTurn();
    const before = kept.map((record) => ({ type: String(record.type), payload: record.payload as never })) as Event[];
    const result = await next.session.resume(open?.turnId ?? "", "continue").catch((error: unknown) => error);
    const all = [...before, ...next.sink.sent];
    const begun = kept.some(({ note }) => (note as { kind?: string } | undefined)?.kind === "intent") ? 1 : 0;
    const types = nested(all).map(({ type }) => type);
    const seen = {
      result,
      text: shown(all),
      nested: shown(nested(all)),
      effects: begun + next.effects(),
      begins: types.filter((type) => type === "TurnBegin").length,
      ends: types.filter((type) => type === "TurnEnd").length,
    };
    const wanted = {
      result: { status: "finished" },
      text: "Asking. Reported.",
      nested: WORKING + REPORT,
      effects: 1,
      begins: 1,
      ends: 1,
    };
    if (JSON.stringify(seen) !== JSON.stringify(wanted)) {
      const event = (records[cut]?.payload as { event?: Event } | undefined)?.event?.type ?? "";
      const note = (records[cut]?.note as { kind?: string } | undefined)?.kind ?? "";
      problems.push([cut, records[cut]?.kind, records[cut]?.type, event, note, seen]);
    }
    share.remove();
  }
  expect(problems).toEqual([]);
}, 60_000);

/** Brings the agent's own conversation back to what it held then: lines appear behind these notes. */
function cutFolder(root: string, kept: readonly Record<string, unknown>[]): void {
  const begun = kept.find(({ kind }) => kind === "agent_begin");
  if (begun === undefined) {
    rmSync(root, { recursive: true, force: true });
    return;
  }
  const path = join(root, String(begun.agent_id), "context.jsonl");
  const lines = readFileSync(path, "utf8").split(/(?<=\n)/);
  const steps = kept.filter(({ note }) => (note as { kind?: string } | undefined)?.kind === "step").length;
  const turns = nested(kept as never).filter(({ type }) => type === "StepBegin").length;
  // _system_prompt | _checkpoint user | _checkpoint | assistant tool | _checkpoint | assistant
  const roles = lines.filter((line) => line !== "").map((line) => (JSON.parse(line) as { role: string }).role);
  let count = 1;
  if (turns >= 1) count = 3;
  if (steps >= 1) count = 4;
  if (turns >= 2) count = roles.indexOf("tool") + 1;
  if (steps >= 2) count = roles.indexOf("tool") + 2;
  if (nested(kept as never).some(({ type }) => type === "TurnEnd")) count = roles.length;
  writeFileSync(path, lines.slice(0, count).join(""));
}
