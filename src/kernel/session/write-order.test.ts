/**
 * Write, then fsync, then act, then deliver: held by whole turns of every kind, with the real storage below. SIGKILL
 * cannot tell whether an fsync was forgotten, so this looks at the order of the calls.
 */
import { describe, expect, test } from "vitest";
import { callPart, FakeProvider, reply } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { brokenRules, OrderedSink, orderedOperations, type Step } from "../testing/order-log.js";
import type { OpenRequest } from "../testing/recording-sink.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { toolOk } from "../tools/tool.js";
import { clientToolCaller } from "../turn/client-tool.js";

const fixtures = turnFixtures();
const JOURNAL = "S1.jsonl";

/** Four turns of one session: two calls with a steer between them, a no with words, the client's tool, a compaction. */
async function fourTurns(): Promise<Step[]> {
  const log: Step[] = [];
  const sink = new OrderedSink(log);
  const acting = (name: string, ask: boolean) =>
    fakeTool(name, {
      ask,
      effect: "write",
      run: (_args, { toolCallId }) => {
        log.push({ do: "effect", callId: toolCallId });
        return toolOk("done");
      },
    });
  const clientTool = fakeTool("client", {
    effect: "exec",
    run: async (_args, { toolCallId, signal }) => {
      const caller = clientToolCaller(fixture.recorder, (raw) => raw as never);
      log.push({ do: "effect", callId: toolCallId });
      return await caller({ id: toolCallId, name: "client", arguments: "{}" }, signal);
    },
  });
  const provider = new FakeProvider(
    reply(["one ", "two ", callPart("a1", "asked"), callPart("a2", "free", { n: 1 })]),
    reply(["three"]),
    reply(["four", callPart("b1", "asked")]),
    reply(["five"]),
    reply([callPart("c1", "client")]),
    reply(["six"]),
    reply(["SUMMARY"]),
  );
  const tools = [acting("asked", true), acting("free", false), clientTool];
  const fixture = fixtures.session({ sink, tools, provider, ops: orderedOperations(log, JOURNAL) });
  const { session } = fixture;
  const respond = ({ type, payload, answer }: OpenRequest): void => {
    const id = payload.id;
    if (type === "ToolCallRequest") {
      const return_value = { is_error: false, output: "o", message: "", display: [] };
      answer({ tool_call_id: id, return_value });
      return;
    }
    if (payload.tool_call_id === "a1") {
      void session.steer("and more", null);
      log.push({ do: "answer", to: "steer" });
    }
    const response = payload.tool_call_id === "b1" ? { response: "reject", feedback: "no" } : { response: "approve" };
    answer({ request_id: id, ...response });
  };
  sink.onRequest = respond;
  for (const input of ["first", "second", "third", "/compact"]) {
    await session.prompt(input, null);
    log.push({ do: "answer", to: "prompt" });
  }
  return log;
}

const without = (log: readonly Step[], at: number) => log.filter((_, index) => index !== at);

describe("four turns", () => {
  test("keep every rule", async () => {
    const log = await fourTurns();
    expect(brokenRules(log, JOURNAL)).toEqual([]);
    const effects = log.flatMap((step) => (step.do === "effect" ? [step.callId] : []));
    expect(effects.toSorted()).toEqual(["a1", "a2", "c1"]);
    expect(log.filter((step) => step.do === "rename" && step.file === JOURNAL).length).toBeGreaterThanOrEqual(4);
    expect(log.some((step) => step.do === "rename" && step.file === "context.jsonl")).toBe(true);
  });

  test("break one as soon as the fsync behind an answer, an intent, a result or a turn's end is missing", async () => {
    const log = await fourTurns();
    const kinds = ["answer", "intent", "result", "turn_end"];
    for (const kind of kinds) {
      const writes = log.flatMap((step, at) =>
        step.do === "write" && step.records.some((record) => record.kind === kind) ? [at] : [],
      );
      expect(writes.length).toBeGreaterThan(1);
      for (const at of writes) {
        const next = log.findIndex((step, index) => index > at && step.do === "write" && step.file === JOURNAL);
        const isSync = (step: Step, index: number) =>
          index > at && index < next && step.do === "fsync" && step.file === JOURNAL;
        expect(log.some(isSync)).toBe(true);
        const unsynced = log.filter((step, index) => !isSync(step, index));
        expect([kind, brokenRules(unsynced, JOURNAL)]).not.toEqual([kind, []]);
      }
    }
  });
});

describe("the rules see", () => {
  const moved = (log: readonly Step[], from: number, to: number) => {
    const steps = [...log];
    steps.splice(to, 0, ...steps.splice(from, 1));
    return steps;
  };
  const find = (log: readonly Step[], match: (step: Step) => boolean) => log.findIndex(match);
  const isWrite = (kind: string) => (step: Step) =>
    step.do === "write" && step.records.some((record) => record.kind === kind);

  test.each<[string, (log: Step[]) => Step[], RegExp]>([
    [
      "an event before its record",
      (log) =>
        moved(
          log,
          find(log, (step) => step.do === "deliver" && step.type === "StepBegin"),
          0,
        ),
      /StepBegin was delivered before it was written/,
    ],
    ["an effect without an intent", (log) => without(log, find(log, isWrite("intent"))), /a\d acted without an intent/],
    [
      "an effect before its intent is safe",
      (log) =>
        moved(
          log,
          find(log, (step) => step.do === "effect"),
          find(log, isWrite("intent")) + 1,
        ),
      /acted before the intent was on the disk|acted without an intent/,
    ],
    [
      "a journal that is cut too early",
      (log) => log.filter((step) => step.do !== "write" || !step.records.some(({ kind }) => kind === "checkpoint")),
      /the journal was cut before everything in it was published/,
    ],
    [
      "a published file that was not synced when the journal was cut",
      (log) => log.filter((step) => step.do !== "fsync" || step.file !== "wire.jsonl"),
      /the journal was cut before everything in it was published/,
    ],
    [
      "a published file that is ahead of a safe journal",
      (log) =>
        moved(
          log,
          find(log, (step) => step.do === "write" && step.file === "wire.jsonl"),
          find(log, isWrite("step")),
        ),
      /wire.jsonl was written before the journal was safe/,
    ],
    [
      "a rotation whose new file is not on the disk",
      (log) => log.filter((step) => step.do !== "fsync" || step.file !== "context.jsonl.new"),
      /context.jsonl was replaced by a file that was not on the disk/,
    ],
    [
      "a rotation whose folder is not on the disk",
      (log) => log.filter((step, at) => step.do !== "fsyncDir" || at < find(log, isRotation)),
      /the journal went on before the rotation was on the disk/,
    ],
  ])("%s", async (_what, change, rule) => {
    expect(brokenRules(change(await fourTurns()), JOURNAL).join("\n")).toMatch(rule);
  });

  const isRotation = (step: Step) => step.do === "rename" && step.file === "context.jsonl";
});
