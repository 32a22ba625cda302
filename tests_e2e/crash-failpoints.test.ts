/** Fail points: each fires once, where its name says, and a kernel without them has none (docs/fail-points.md). */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { journalOf, marks, recordName, startFailing } from "./crash/failpoint-kernel.js";
import { call, say, script, shell } from "./echo-scripts.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { startModelServer, textReply } from "./model-server.js";
import { isAlive, until } from "./process-scan.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const EXT = { name: "ext", description: "x", parameters: { type: "object", properties: {} } };
const QUESTION = { questions: [{ question: "Q?", options: [{ label: "A" }, { label: "B" }] }] };
const EFFECT = shell("t1", "echo done >> effects");
const TWO_STEPS = [script(say("a"), EFFECT), say("z")];

type Drive = (kernel: KernelProcess) => Promise<void>;

const answer = (kernel: KernelProcess, request: Message): void => {
  const { type } = request.params ?? {};
  if (type === "ApprovalRequest") kernel.approve(request);
  else if (type === "HookRequest") kernel.answer(request, { request_id: request.id, action: "allow", reason: "" });
};

/** Prompts, answers what comes, and waits for the kernel to be gone. */
const prompt =
  (input = "go"): Drive =>
  async (kernel) => {
    kernel.request("prompt", { user_input: input });
    void answerAll(kernel);
    await kernel.exit();
  };

async function answerAll(kernel: KernelProcess): Promise<void> {
  try {
    for (;;) answer(kernel, await kernel.next((m) => m.method === "request", "a request"));
  } catch {
    // The kernel is gone.
  }
}

/** Two turns of plain text, then this prompt. */
const laterPrompt =
  (input: string): Drive =>
  async (kernel) => {
    await kernel.call("prompt", { user_input: "one" });
    await kernel.call("prompt", { user_input: "two" });
    await prompt(input)(kernel);
  };

/** Says something while an approval waits. */
const meanwhile =
  (method: string, params?: unknown): Drive =>
  async (kernel) => {
    kernel.request("prompt", { user_input: "go" });
    await kernel.serverRequest("ApprovalRequest");
    kernel.request(method, params);
    await kernel.exit();
  };

interface Row {
  point: string;
  drive?: Drive;
  scripts?: string[];
  initialize?: Record<string, unknown>;
  args?: string[];
  /** Newest record of the journal; null when there must be none. */
  last: string | null;
  /** Newest message that the client has; "response" for an answer, null for nothing. */
  seen: string | null;
  /** Lines in the effects file. */
  effects?: number;
}

const ROWS: Row[] = [
  { point: "spawned", drive: async (kernel) => void (await kernel.exit()), last: null, seen: null },
  { point: "before_initialize", drive: async (kernel) => void (await kernel.exit()), last: null, seen: null },
  { point: "idle", drive: async (kernel) => void (await kernel.exit()), last: null, seen: "response" },
  { point: "prompt_accepted", last: "turn", seen: "response" },
  { point: "event_recorded", last: "TurnBegin", seen: "response" },
  { point: "event_recorded#2", last: "StepBegin", seen: "TurnBegin" },
  { point: "model_request", last: "step", seen: "StepBegin" },
  { point: "model_request#2", last: "step", seen: "StepBegin", effects: 1 },
  { point: "model_stream", last: "ToolCall", seen: "ToolCall" },
  { point: "stream_ended", last: "stream_end", seen: "ToolCall" },
  { point: "call_found", last: "StatusUpdate", seen: "StatusUpdate" },
  { point: "call_planned", last: "StatusUpdate", seen: "StatusUpdate" },
  { point: "approval_asked", last: "ApprovalRequest", seen: "request:ApprovalRequest" },
  { point: "approval_answered", last: "answer ApprovalRequest", seen: "request:ApprovalRequest" },
  { point: "intent_recorded", last: "intent", seen: "ApprovalResponse" },
  {
    point: "tool_running",
    scripts: [script(say("a"), shell("t1", "sleep 30; echo done >> effects")), say("z")],
    last: "process",
    seen: "ApprovalResponse",
  },
  { point: "result_unrecorded", last: "process", seen: "ApprovalResponse", effects: 1 },
  { point: "result_recorded", last: "result", seen: "ApprovalResponse", effects: 1 },
  { point: "step_stored", last: "checkpoint", seen: "ToolResult", effects: 1 },
  {
    point: "compaction",
    scripts: [say("one"), say("two"), say("SUMMARY")],
    drive: laterPrompt("/compact"),
    last: "CompactionBegin",
    seen: "TurnBegin",
  },
  {
    point: "rotated",
    scripts: [say("one"), say("two"), say("SUMMARY")],
    drive: laterPrompt("/compact"),
    last: "checkpoint",
    seen: "CompactionBegin",
  },
  {
    point: "steer_recorded",
    drive: meanwhile("steer", { user_input: "more" }),
    last: "steer",
    seen: "request:ApprovalRequest",
  },
  { point: "cancel_recorded", drive: meanwhile("cancel"), last: "cancel", seen: "request:ApprovalRequest" },
  {
    point: "hook_asked",
    initialize: { hooks: [{ id: "h", event: "PreToolUse" }] },
    last: "HookRequest",
    seen: "request:HookRequest",
  },
  {
    point: "question_asked",
    scripts: [script(say("a"), call("t1", "AskUserQuestion", QUESTION)), say("z")],
    initialize: { capabilities: { supports_question: true } },
    last: "QuestionRequest",
    seen: "request:QuestionRequest",
  },
  {
    point: "client_tool_asked",
    scripts: [script(say("a"), call("t1", "ext")), say("z")],
    initialize: { external_tools: [EXT] },
    last: "ToolCallRequest",
    seen: "request:ToolCallRequest",
  },
  { point: "turn_end_recorded", last: "turn_end", seen: "StatusUpdate", effects: 1 },
  { point: "turn_ended", last: "checkpoint", seen: "TurnEnd", effects: 1 },
  {
    point: "replay",
    args: ["--yolo"],
    drive: async (kernel) => {
      await kernel.call("prompt", { user_input: "go" });
      kernel.log.length = 0;
      kernel.request("replay");
      await kernel.exit();
    },
    last: "checkpoint",
    seen: "TurnBegin",
    effects: 1,
  },
  {
    point: "shutdown",
    drive: async (kernel) => {
      kernel.request("prompt", { user_input: "go" });
      await kernel.serverRequest("ApprovalRequest");
      kernel.child.kill("SIGTERM");
      await kernel.exit();
    },
    last: "ApprovalRequest",
    seen: "request:ApprovalRequest",
  },
];

function lastSeen(kernel: KernelProcess): string | null {
  const message = kernel.log.at(-1);
  if (message === undefined) return null;
  const { method, params } = message;
  if (method === undefined) return "response";
  return method === "request" ? `request:${params?.type}` : String(params?.type);
}

function effectsOf(workspace: Workspace): number {
  const file = join(workspace.workDir, "effects");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
}

describe("places", () => {
  it.each(ROWS)("F-001 $point: killed there, once, with its marker", async (row) => {
    const workspace = createWorkspace({ scripts: row.scripts ?? TWO_STEPS });
    const plan = `${row.point}:kill`;
    const { kernel, session, marker } = startFailing(workspace, plan, { args: row.args ?? [] });
    await kernel.initialize(row.initialize).catch(() => {});
    await (row.drive ?? prompt())(kernel);
    expect(await kernel.exit()).toEqual({ code: null, signal: "SIGKILL" });
    const name = row.point.split("#")[0];
    expect(marks(marker)).toEqual([{ name, epoch: 1, pid: kernel.child.pid, text: plan }]);
    expect(journalOf(workspace, session).map(recordName).at(-1) ?? null).toBe(row.last);
    expect(lastSeen(kernel)).toBe(row.seen);
    expect(effectsOf(workspace)).toBe(row.effects ?? 0);
  });

  it("F-002 the table of the documentation, that of the kernel and this one have the same places", () => {
    const source = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
    const inKernel = [...source("src/kernel/fail-point-plan.ts").matchAll(/^ {2}([a-z_]+): (?:true|false),$/gm)];
    const inDocs = [...source("docs/fail-points.md").matchAll(/^\| `([a-z_]+)` \|/gm)];
    const names = (found: RegExpMatchArray[]) => found.map((match) => match[1]).sort();
    expect(inKernel.length).toBeGreaterThan(20);
    expect(names(inDocs)).toEqual(names(inKernel));
    expect([...new Set(ROWS.map(({ point }) => point.split("#")[0]))].sort()).toEqual(names(inKernel));
  });

  it("F-003 in the middle of a stream: behind the n-th piece, and the next one is not asked for", async () => {
    const server = await startModelServer([textReply("one ", "two ", "three ", "four")]);
    const workspace = createWorkspace({ config: server.config() });
    const { kernel, session } = startFailing(workspace, "model_stream#2:kill");
    await kernel.initialize();
    await prompt()(kernel);
    const recorded = journalOf(workspace, session).filter(({ type }) => type === "ContentPart").length;
    expect(recorded).toBeGreaterThanOrEqual(2);
    const shown = kernel.log.filter(({ params }) => params?.type === "ContentPart").length;
    expect(shown).toBe(recorded);
  });
});

describe("actions", () => {
  it("F-011 exit ends with code 1, at once: nothing is delivered behind it", async () => {
    const workspace = createWorkspace({ scripts: TWO_STEPS });
    const { kernel, session } = startFailing(workspace, "intent_recorded:exit");
    await kernel.initialize();
    await prompt()(kernel);
    expect(await kernel.exit()).toEqual({ code: 1, signal: null });
    expect(journalOf(workspace, session).map(recordName).at(-1)).toBe("intent");
    expect(effectsOf(workspace)).toBe(0);
  });

  it("F-012 hang blocks the loop: no answer to anything, not even SIGTERM ends it", async () => {
    const workspace = createWorkspace({ scripts: TWO_STEPS });
    const { kernel, marker } = startFailing(workspace, "approval_answered:hang");
    await kernel.initialize();
    kernel.request("prompt", { user_input: "go" });
    kernel.approve(await kernel.serverRequest("ApprovalRequest"));
    await until("it hangs", () => marks(marker).length === 1);
    await expect(kernel.call("cancel", undefined, 700)).rejects.toThrow(/timeout/);
    expect(marks(marker)).toHaveLength(1);
    kernel.child.kill("SIGTERM");
    await expect(kernel.exit(500)).rejects.toThrow(/no exit/);
    expect(isAlive(kernel.child.pid as number)).toBe(true);
    expect(effectsOf(workspace)).toBe(0);
  });

  it("F-013 throw: the turn fails and the kernel goes on; the place does not fail again", async () => {
    const workspace = createWorkspace({ scripts: [say("a"), say("b")] });
    const { kernel } = startFailing(workspace, "stream_ended:throw");
    await kernel.initialize();
    expect((await kernel.call("prompt", { user_input: "go" })).error).toMatchObject({ code: -32603 });
    expect((await kernel.call("prompt", { user_input: "go" })).result).toEqual({ status: "finished" });
    expect(await kernel.close()).toEqual({ code: 0, signal: null });
  });

  it("F-014 lost: the turn waits for ever, the loop runs, and cancel ends it", async () => {
    const workspace = createWorkspace({ scripts: [...TWO_STEPS, say("y")] });
    const { kernel, marker } = startFailing(workspace, "call_planned:lost");
    await kernel.initialize();
    const id = kernel.request("prompt", { user_input: "go" });
    await kernel.event("StatusUpdate");
    await until("the call is lost", () => marks(marker).length > 0);
    expect((await kernel.call("prompt", { user_input: "again" })).error).toBeDefined();
    expect(marks(marker).map(({ name }) => name)).toEqual(["call_planned"]);
    expect(kernel.log.some((message) => message.id === id)).toBe(false);
    expect((await kernel.call("cancel")).result).toEqual({});
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(kernel.log.some(({ params }) => params?.type === "ApprovalRequest")).toBe(false);
  });
});

describe("when", () => {
  it("F-021 @epoch: only the owner under that epoch fails, also before it owns anything", async () => {
    const workspace = createWorkspace({ scripts: [say("a"), say("b")] });
    const plan = "turn_end_recorded:kill@2,idle:kill@3,spawned:kill@9";
    const first = startFailing(workspace, plan);
    const { session, marker } = first;
    expect((await first.kernel.initialize()).result).toBeDefined();
    expect((await first.kernel.call("prompt", { user_input: "go" })).result).toEqual({ status: "finished" });
    await first.kernel.kill();
    const second = startFailing(workspace, plan, { session });
    await second.kernel.initialize();
    await prompt()(second.kernel);
    const third = startFailing(workspace, plan, { session });
    await third.kernel.initialize();
    expect(await third.kernel.exit()).toEqual({ code: null, signal: "SIGKILL" });
    const fourth = startFailing(workspace, plan, { session });
    await fourth.kernel.initialize();
    expect((await fourth.kernel.call("prompt", { user_input: "go" })).result).toEqual({ status: "finished" });
    expect(marks(marker).map(({ text, epoch }) => [text, epoch])).toEqual([
      ["turn_end_recorded:kill@2", 2],
      ["idle:kill@3", 3],
    ]);
  });

  it("F-022 with a marker file a failure happens once for all processes, without one once in each", async () => {
    const workspace = createWorkspace({ scripts: [say("a")] });
    const plan = "prompt_accepted:kill";
    const first = startFailing(workspace, plan);
    await first.kernel.initialize();
    await prompt()(first.kernel);
    const again = startFailing(workspace, plan, { session: first.session });
    await again.kernel.initialize();
    expect((await again.kernel.call("prompt", { user_input: "go" })).result).toEqual({ status: "finished" });
    await again.kernel.close();
    const unmarked = startFailing(workspace, plan, { session: first.session, env: { KERNEL_FAILPOINT_MARKER: "" } });
    await unmarked.kernel.initialize();
    await prompt()(unmarked.kernel);
    expect(await unmarked.kernel.exit()).toEqual({ code: null, signal: "SIGKILL" });
    expect(marks(first.marker)).toHaveLength(1);
  });

  it("F-023 several: each at its own place, the second behind the first", async () => {
    const workspace = createWorkspace({ scripts: [say("a"), say("b")] });
    const { kernel, marker } = startFailing(workspace, "stream_ended:throw, stream_ended#2:kill");
    await kernel.initialize();
    expect((await kernel.call("prompt", { user_input: "go" })).error).toMatchObject({ code: -32603 });
    await prompt()(kernel);
    expect(marks(marker).map(({ text }) => text)).toEqual(["stream_ended:throw", "stream_ended#2:kill"]);
  });
});

describe("start", () => {
  it.each([
    ["nowhere:kill", "there is no place 'nowhere'"],
    ["toString:kill", "it is not of the form name:action, name#n:action or name:action@epoch"],
    ["constructor:kill", "there is no place 'constructor'"],
    ["idle:burn", "there is no action 'burn'"],
    ["idle", "it is not of the form name:action, name#n:action or name:action@epoch"],
    ["idle#0:kill", "times count from 1"],
    ["idle:lost", "nothing is awaited at 'idle'"],
  ])("F-031 %s is refused with one sentence and exit code 2", async (plan, why) => {
    const { kernel, marker } = startFailing(createWorkspace({ scripts: [] }), plan);
    expect(await kernel.exit()).toEqual({ code: 2, signal: null });
    expect(kernel.stderr).toBe(`KERNEL_FAILPOINT '${plan}': ${why}.\n`);
    expect(kernel.log).toEqual([]);
    expect(existsSync(marker)).toBe(false);
  });

  it("F-032 without the variable, or with an empty one, a marker file alone does nothing", async () => {
    const workspace = createWorkspace({ scripts: [say("a")] });
    const plain = startKernel(workspace, { env: { KERNEL_FAILPOINT_MARKER: join(workspace.home, "marker") } });
    await plain.initialize();
    expect((await plain.call("prompt", { user_input: "go" })).result).toEqual({ status: "finished" });
    const { kernel, marker } = startFailing(workspace, "");
    await kernel.initialize();
    expect((await kernel.call("prompt", { user_input: "go" })).result).toEqual({ status: "finished" });
    expect(existsSync(marker)).toBe(false);
  });

  it("F-033 places that are passed and not meant change nothing of what a client sees", async () => {
    const plans = ["", "spawned:kill@99,model_stream#999:kill,turn_ended#9:hang,tool_running#9:lost,replay:kill"];
    const streams = [];
    for (const plan of plans) {
      const { kernel } = startFailing(createWorkspace({ scripts: TWO_STEPS }), plan, { args: ["--yolo"] });
      await kernel.initialize();
      await kernel.call("prompt", { user_input: "go" });
      await kernel.close();
      streams.push(kernel.log.map((message) => JSON.stringify(message)));
    }
    expect(streams[1]).toEqual(streams[0]);
    expect(streams[0]?.length).toBeGreaterThan(8);
  });
});
