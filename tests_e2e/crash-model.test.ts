/** The judges of the crash tests are judged: the model goes on from anywhere, a good run is good, a bad one is not. */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { CrashClientFactory, CrashEnvelope } from "./crash/crash-client.js";
import { type RunResult, runScenario } from "./crash/crash-host.js";
import { judgeEvents } from "./crash/oracle.js";
import { type ChatMessage, pureReply } from "./crash/pure-reply.js";
import type { Scenario } from "./crash/scenarios.js";
import { CLIENT_TOOL, planIn, stepText, type TurnPlan } from "./crash/turn-plan.js";
import { KernelProcess, kernelCommand, type Message } from "./kernel-process.js";

const PLAN = planIn("plan 7: text 30, shell, read | text 5, edit | text 12") as TurnPlan;
const TAIL: ChatMessage = { role: "user", content: "<system>Go on where you stopped.</system>" };

/** The whole conversation as a kernel would have it at the end. */
function conversation(): ChatMessage[] {
  const steps = PLAN.steps.flatMap((step): ChatMessage[] => [
    {
      role: "assistant",
      content: stepText(step),
      tool_calls: step.calls.map(({ id, name, arguments: args }) => ({
        id,
        function: { name, arguments: JSON.stringify(args) },
      })),
    },
    ...step.calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "ok" })),
  ]);
  return [{ role: "system", content: "S" }, { role: "user", content: `${PLAN.text}\n<system>note</system>` }, ...steps];
}

describe("the model", () => {
  it("F-101 goes on from every cut of a text, by prefill or behind a note, and says the rest exactly", () => {
    let cuts = 0;
    conversation().forEach((message, at) => {
      const text = String(message.content);
      if (message.role !== "assistant") return;
      for (let length = 0; length <= text.length; length += 1) {
        const said: ChatMessage = { role: "assistant", content: text.slice(0, length) };
        const before = [...conversation().slice(0, at), ...(length === 0 ? [] : [said])];
        for (const messages of [before, [...before, TAIL]]) {
          const reply = pureReply(messages);
          const isLast = at === conversation().length - 1;
          expect(reply.violations).toEqual([]);
          expect(reply.words.join("")).toBe(text.slice(length));
          expect(reply.calls.map(({ id }) => id)).toEqual(isLast ? [] : message.tool_calls?.map(({ id }) => id));
          cuts += 1;
        }
      }
    });
    expect(cuts).toBeGreaterThan(500);
  });

  it("F-102 makes a call again that did not run, under another id, and none whose outcome is unknown", () => {
    const [, , said] = conversation();
    const [shell, read] = PLAN.steps[0]?.calls.map(({ id }) => id) ?? [];
    const result = (id: string | undefined, content: string) => ({ role: "tool", tool_call_id: id as string, content });
    const didNotRun = "ERROR: The call was interrupted before it began; it did not run.";
    const head = conversation().slice(0, 2);
    const again = pureReply([...head, said as ChatMessage, result(shell, didNotRun), result(read, "ok")]);
    expect(again).toMatchObject({ step: 0, words: [], calls: [{ id: `${shell}_again1` }], violations: [] });
    const unknown = "ERROR: The outcome of this call is unknown: the kernel stopped.";
    const on = pureReply([...head, said as ChatMessage, result(shell, unknown), result(read, "ok")]);
    expect(on).toMatchObject({ step: 1, violations: [] });
  });

  it.each([
    ["a text it did not say", (all: ChatMessage[]) => Object.assign(all[2] as ChatMessage, { content: "other" })],
    ["a call without a result", (all: ChatMessage[]) => all.splice(3, 1)],
    ["a result twice", (all: ChatMessage[]) => all.splice(3, 0, { ...(all[3] as ChatMessage) })],
    ["no plan", (all: ChatMessage[]) => all.splice(1, 1)],
  ])("F-103 objects to a conversation with %s", (_what, damage) => {
    const messages = conversation();
    damage(messages);
    expect(pureReply(messages).violations).not.toEqual([]);
  });
});

/** A client that brings nothing back: one kernel, its own words passed on. */
const plainClient =
  (change: (envelope: CrashEnvelope) => CrashEnvelope[] = (envelope) => [envelope]): CrashClientFactory =>
  async ({ session, workDir, args, env, hooks, handlers }) => {
    const [program = "", ...head] = kernelCommand();
    const argv = [...head, "--wire", "--session", session, ...args];
    const kernel = new KernelProcess(spawn(program, argv, { cwd: workDir, env, stdio: ["pipe", "pipe", "pipe"] }));
    await kernel.initialize({
      capabilities: { supports_question: true },
      hooks: hooks.map((event) => ({ id: event, event })),
      external_tools: [{ name: CLIENT_TOOL, description: "x", parameters: { type: "object", properties: {} } }],
    });
    const respond = async (request: Message): Promise<void> => {
      const { type, payload = {} } = request.params ?? {};
      const id = String(request.id);
      if (type === "ApprovalRequest") kernel.approve(request, (await handlers.onApproval(id)).response);
      if (type === "QuestionRequest")
        kernel.answer(request, { request_id: id, answers: await handlers.onQuestion(id) });
      if (type === "HookRequest")
        kernel.answer(request, { request_id: id, reason: "", ...(await handlers.onHook(id)) });
      if (type !== "ToolCallRequest") return;
      const output = await handlers.onTool(id, JSON.parse(String(payload.arguments)));
      const return_value = { is_error: false, output, message: "", display: [] };
      kernel.answer(request, { tool_call_id: id, return_value });
    };
    return {
      prompt: async (text) => {
        const id = kernel.request("prompt", { user_input: text });
        for (;;) {
          const message = await kernel.next((m) => m.method !== undefined || m.id === id, "the turn", 15_000);
          const { method, params } = message;
          if (method === undefined) return String(message.result?.status ?? "error");
          const type = String(params?.type);
          const envelope = { method: method as "event" | "request", type, payload: params?.payload ?? {} };
          for (const passed of change(envelope)) handlers.onEnvelope(passed);
          if (method === "request") void respond(message);
        }
      },
      steer: async (text) => void kernel.request("steer", { user_input: text }),
      cancel: async () => void kernel.request("cancel"),
      replay: async () => void (await kernel.call("replay")),
      pid: () => kernel.child.pid ?? null,
      close: async () => void (await kernel.close()),
    };
  };

const GOOD: Scenario = {
  name: "good",
  state: "none",
  steps: "text 20, shell | text 10, read, edit, append, client, ask | text 5, mcp | text 5, agent | text 15",
  mcp: true,
  failPoints: "",
  expected: { outcome: "finished", unknown: "none" },
};

async function run(scenario: Scenario, connect: CrashClientFactory): Promise<RunResult> {
  const { folder, ...result } = await runScenario(scenario, 11, connect);
  if (folder !== null) rmSync(folder, { recursive: true, force: true });
  return result;
}

describe("the judge", () => {
  it.each<[string, Partial<Scenario>]>([
    ["every tool", {}],
    ["hooks", { hooks: ["PreToolUse", "PostToolUse"] }],
    ["a steer", { meanwhile: "steer" }],
    ["a cancel", { meanwhile: "cancel", expected: { outcome: "cancelled", unknown: "none" } }],
    ["a compaction", { steps: "text 900, read | text 900, shell | text 10", window: 5_000 }],
  ])("F-111 a turn in which nothing dies is good: %s", async (what, change) => {
    const seen: string[] = [];
    const record = (envelope: CrashEnvelope) => {
      seen.push(envelope.type);
      return [envelope];
    };
    const result = await run({ ...GOOD, ...change }, plainClient(record));
    expect(result).toMatchObject({ problems: [], deaths: 0 });
    expect(seen.includes("CompactionEnd")).toBe(what === "a compaction");
  });

  let twice = 0;
  const damages: [string, (envelope: CrashEnvelope) => CrashEnvelope[], RegExp][] = [
    ["a piece of text twice", (e) => (e.type === "ContentPart" && ++twice === 3 ? [e, e] : [e]), /text differs/],
    ["a lost result", (e) => (e.type === "ToolResult" ? [] : [e]), /results/],
    ["a second TurnEnd", (e) => (e.type === "TurnEnd" ? [e, e] : [e]), /2 TurnEnd/],
    ["a lost status", (e) => (e.type === "StatusUpdate" ? [] : [e]), /of the journal StatusUpdate/],
  ];
  it.each(damages)("F-112 a client that shows %s is not good", async (_what, change, problem) => {
    const result = await run({ ...GOOD, steps: "text 9, shell | text 9" }, plainClient(change));
    expect(result.problems.join("\n")).toMatch(problem);
  });

  it("F-113 a call that acts twice, a death that did not happen and an end that was not expected are not good", async () => {
    const doubled: CrashClientFactory = (options) => {
      const { onTool } = options.handlers;
      const handlers = {
        ...options.handlers,
        onTool: async (id: string, args: Record<string, unknown>) => {
          await onTool(id, args);
          return await onTool(id, args);
        },
      };
      return plainClient()({ ...options, handlers });
    };
    const scenario: Scenario = {
      ...GOOD,
      steps: "text 3, client | text 3",
      failPoints: "model_request#9:kill",
      expected: { outcome: "cancelled", unknown: "none" },
    };
    const { problems } = await run(scenario, doubled);
    expect(problems).toEqual([
      "the prompt ended as finished, not cancelled",
      "model_request#9:kill did not happen",
      expect.stringMatching(/^the host was asked 2 times for tool /),
      expect.stringMatching(/^effect_11_0_1 was done 2 times$/),
    ]);
  });

  it("F-114 brackets and orders", () => {
    const event = (type: string, payload = {}) => ({ method: "event" as const, type, payload });
    const good = [event("TurnBegin"), event("StepBegin", { n: 1 }), event("TurnEnd")];
    expect(judgeEvents(good, true)).toEqual([]);
    expect(judgeEvents(good.toReversed(), true)).toContain("TurnEnd is not the last event");
    expect(
      judgeEvents(
        [good[0], good[1], good[1], good[2]].flatMap((e) => e ?? []),
        true,
      ),
    ).toContain("steps 1, 1");
    expect(judgeEvents([event("CompactionBegin"), ...good], true)).toContain("1 CompactionBegin, 0 CompactionEnd");
  });
});
