/** A turn that really ran, its journal cut behind every record: the next kernel brings it to the same end. */
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Message } from "../messages.js";
import type { ChatRequest, StreamEnd, StreamPart } from "../providers/provider.js";
import { sessionPaths } from "../storage/share-folder.js";
import { tempShare } from "../storage/testing/temp-share.js";
import { recordedSession } from "../testing/cut-journal.js";
import { callPart, FakeProvider, textPart } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { approving } from "../testing/recording-sink.js";
import { playCut, playWhole, type TurnScript } from "../testing/scripted-turn.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { toolOk } from "../tools/tool.js";

const fixtures = turnFixtures();
const FIRST = "Let me look. ";
const SECOND = "All is done here.";

const textOf = ({ content }: Message) => content.map((part) => (part.type === "text" ? part.text : "")).join("");

/** The model: what it says next is a pure function of the messages. */
async function* answer({ messages }: ChatRequest): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
  const said = messages.map((message) => (message.role === "assistant" ? textOf(message) : "")).join("");
  const tools = messages.filter(({ role }) => role === "tool");
  const acted = tools.some((message) => !textOf(message).includes("did not run"));
  const text = acted ? FIRST + SECOND : FIRST;
  if (!text.startsWith(said)) throw new Error(`the model is told that it had said ${said}`);
  for (const piece of text.slice(said.length).match(/.{1,6}/gs) ?? []) yield [textPart(piece)];
  if (!acted) yield [callPart(`c${tools.length + 1}`, "Act", { a: 1 })];
  return { usage: null, messageId: "m", finishReason: acted ? "stop" : "tool_calls" };
}

function kernel(prefill: boolean, options: Parameters<typeof fixtures.session>[0]) {
  let effects = 0;
  const run = () => {
    effects += 1;
    return toolOk("acted");
  };
  const provider = new FakeProvider(...Array.from({ length: 9 }, () => answer));
  if (prefill) Object.assign(provider, { canPrefill: true });
  const tools = [fakeTool("Act", { ask: true, run })];
  const made = fixtures.session({ ...options, provider, tools, resumes: true });
  made.sink.onRequest = approving({ response: "approve" });
  return { ...made, effects: () => effects };
}

const shown = (sent: readonly { type: string; payload: Record<string, unknown> }[]) =>
  sent.map(({ type, payload }) => (type === "ContentPart" ? String(payload.text) : "")).join("");

test.each([true, false])("cut behind every record (prefill: %s)", async (prefill) => {
  const whole = kernel(prefill, {});
  await whole.session.prompt("go", "p1");
  expect([shown(whole.sink.sent), whole.effects()]).toEqual([FIRST + SECOND, 1]);
  const paths = (share: string) => sessionPaths(share, join(share, "work"), "S1");
  const lines = readFileSync(paths(whole.share.shareDir).journal, "utf8").split(/(?<=\n)/);
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const begin = records.findIndex(({ kind }) => kind === "turn");
  const end = records.findIndex(({ kind }) => kind === "turn_end");
  expect(end - begin).toBeGreaterThan(20);
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
    const next = kernel(prefill, { share });
    const label = `behind ${records[cut]?.kind} ${records[cut]?.type ?? ""} (${cut})`;
    const open = next.session.openTurn();
    const kept = records.slice(begin, cut + 1);
    const before = kept.map((record) => ({
      type: String(record.type),
      payload: record.payload as Record<string, unknown>,
    }));
    const result = await next.session.resume(open?.turnId ?? "", "continue").catch((error: unknown) => error);
    expect([label, result]).toEqual([label, { status: "finished" }]);
    expect([label, shown(before) + shown(next.sink.sent)]).toEqual([label, FIRST + SECOND]);
    const begun = kept.some(({ kind }) => kind === "intent") ? 1 : 0;
    expect([label, begun + next.effects()]).toEqual([label, 1]);
    const types = next.sink.types();
    expect([label, types.includes("StepRetry")]).toEqual([label, false]);
    const all = [...before.map(({ type }) => type), ...types];
    for (const type of ["TurnBegin", "TurnEnd"]) {
      expect([label, type, all.filter((each) => each === type).length]).toEqual([label, type, 1]);
    }
    const messages = next.log.load().messages;
    const texts = messages.map((message) => (message.role === "assistant" ? textOf(message) : "")).join("");
    expect([label, texts]).toEqual([label, FIRST + SECOND]);
    share.remove();
  }
});

const calls = (...tools: string[]) => tools.map((tool, at) => ({ tool, key: `${tool}${at}` }));
const scripts: Record<string, TurnScript> = {
  "steers between steps and behind the last": {
    ...{ prefill: false, steers: [3, 12, 14] },
    steps: [
      { think: true, text: "Look.", calls: calls("Read") },
      { think: false, text: "Done", calls: [] },
    ],
  },
  "calls of all kinds, with hooks": {
    ...{ prefill: true, steers: [], hooks: true },
    steps: [
      { think: false, text: "", calls: calls("Client", "Ask", "Refused", "Act") },
      { think: true, text: "End", calls: [] },
    ],
  },
};

test.each(Object.entries(scripts))(
  "cut behind every record: %s",
  async (_name, script) => {
    const whole = await playWhole(fixtures.session, script);
    const { records, begin, end } = recordedSession(whole);
    const used = records.filter(({ kind, steer_id }) => kind === "context" && steer_id !== undefined);
    expect(used).toHaveLength(script.steers.length);
    const made = script.hooks === true ? script.steps.flatMap((step) => step.calls).length : 0;
    expect(records.filter(({ kind }) => kind === "hook")).toHaveLength(made);
    for (let cut = begin; cut < end; cut++) {
      const { seen, wanted, share } = await playCut(fixtures.session, script, whole, cut);
      expect(seen).toEqual(wanted);
      share.remove();
    }
  },
  30_000,
);
