/** A turn with a subagent that really ran, its journal cut behind every record of the agent. */
import { existsSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ChatRequest, StreamEnd, StreamPart } from "../providers/provider.js";
import { agentTool, nested, type SentEvent, sessionAgents, shown, textOf, watched } from "../testing/cut-agents.js";
import { fastDisk, recordedSession } from "../testing/cut-journal.js";
import { callPart, FakeProvider, textPart } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { toolOk } from "../tools/tool.js";

const fixtures = turnFixtures();
const WORKING = "Working. ";
const SHORT = "Did it. ";
const REPORT = "r".repeat(200);

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
  const more = messages.some((message) => message.role === "user" && textOf(message).includes("too short"));
  const report = systemPrompt.includes("brief") ? SHORT + (more ? REPORT : "") : REPORT;
  const text = done ? first + (child ? report : "Reported.") : first;
  if (!text.startsWith(said)) throw new Error(`the model is told that it had said ${said}`);
  for (const piece of text.slice(said.length).match(/.{1,40}/gs) ?? []) yield [textPart(piece)];
  if (!done) yield [callPart(`${child ? "s" : "c"}${tools.length + 1}`, child ? "Act" : "Agent", {})];
  return { usage: null, messageId: "m", finishReason: done ? "stop" : "tool_calls" };
}

/** `brief`: the agent says too little at first. */
function kernel(brief: boolean, options: Parameters<typeof fixtures.session>[0]) {
  let effects = 0;
  const act = fakeTool("Act", {
    run: () => {
      effects += 1;
      return toolOk("acted");
    },
  });
  const provider = new FakeProvider(...Array.from({ length: 20 }, () => answer));
  const tools = [
    agentTool(
      () => "do",
      () => agents,
    ),
  ];
  const made = fixtures.session({ ...options, provider, tools, ops: fastDisk, resumes: true });
  const agents = sessionAgents(made, act, provider, brief ? "I am brief" : "I am coder");
  return { ...made, effects: () => effects };
}

/** The agent's own conversation in the folder of a session; null before it began. */
function conversationIn(dir: string): string | null {
  const root = join(dir, "subagents");
  const [agent] = existsSync(root) ? readdirSync(root) : [];
  return agent === undefined ? null : join(root, agent, "context.jsonl");
}

/** How long that is now. */
function sizeNow({ log }: ReturnType<typeof kernel>): number {
  const path = conversationIn(log.dir);
  return path !== null && existsSync(path) ? statSync(path).size : 0;
}

test.each([false, true])(
  "cut behind every record (too few words at first: %s)",
  async (brief) => {
    const whole = kernel(brief, {});
    const sizes = watched(whole.log, () => sizeNow(whole));
    await whole.session.prompt("go", "p1");
    const said = WORKING + (brief ? SHORT : "") + REPORT;
    expect([shown(whole.sink.sent), shown(nested(whole.sink.sent))]).toEqual(["Asking. Reported.", said]);
    const { records, begin, end, cutBehind, sentUpTo, label } = recordedSession(whole.share);
    const problems: unknown[] = [];
    for (let cut = begin; cut < end; cut++) {
      const share = cutBehind(cut);
      const kept = records.slice(0, cut + 1);
      const next = kernel(brief, { share });
      const path = conversationIn(next.log.dir);
      const size = kept.findLast(({ seq }) => sizes.has(Number(seq)));
      if (path !== null && kept.some(({ kind }) => kind === "agent_begin"))
        truncateSync(path, sizes.get(Number(size?.seq)));
      else rmSync(join(next.log.dir, "subagents"), { recursive: true, force: true });
      const open = next.session.openTurn();
      const result = await next.session.resume(open?.turnId ?? "", "continue").catch((error: unknown) => error);
      const all = [...sentUpTo(cut), ...next.sink.sent] as SentEvent[];
      const begun = kept.some(({ note }) => (note as { kind?: string } | undefined)?.kind === "intent") ? 1 : 0;
      const types = nested(all).map(({ type }) => type);
      const results = all.filter(({ type }) => type === "ToolResult").map(({ payload }) => payload.return_value);
      const seen = {
        result,
        text: shown(all),
        nested: shown(nested(all)),
        report: (results.at(-1) as { output: string }).output,
        effects: begun + next.effects(),
        begins: types.filter((type) => type === "TurnBegin").length,
        ends: types.filter((type) => type === "TurnEnd").length,
      };
      const wanted = {
        result: { status: "finished" },
        text: "Asking. Reported.",
        nested: said,
        report: REPORT,
        effects: 1,
        begins: brief ? 2 : 1,
        ends: brief ? 2 : 1,
      };
      if (JSON.stringify(seen) !== JSON.stringify(wanted)) problems.push([label(cut), records[cut]?.note, seen]);
      share.remove();
    }
    expect(problems).toEqual([]);
  },
  60_000,
);
