import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { processStartTime } from "../processes/process-start-time.js";
import type { CallPosition, IntentPosition } from "../storage/turn-position.js";
import { FakeProvider, reply, toolCall } from "../testing/fake-provider.js";
import { type FakeToolOptions, fakeTool } from "../testing/fake-tools.js";
import { approving } from "../testing/recording-sink.js";
import { type FixtureOptions, turnFixtures } from "../testing/turn-fixture.js";
import { endedStep, turnPosition } from "../testing/turn-positions.js";
import { ExternalTools } from "../tools/external-tool.js";
import { type EffectClass, type FileState, type PreparedCall, toolOk } from "../tools/tool.js";
import type { CallableTool } from "../tools/toolset.js";
import { actionHash } from "./action-hash.js";
import { clientToolCaller } from "./client-tool.js";
import { resumeTurn } from "./resume-turn.js";

const fixtures = turnFixtures();
const CALL = toolCall("c1", "Act", { a: 1 });
const SIGNAL = () => new AbortController().signal;
const sha = (text: string) => createHash("sha256").update(text).digest("hex");

interface CallOptions extends FakeToolOptions {
  files?: { before: FileState[]; after: FileState[] };
  tools?: readonly CallableTool[];
  hooks?: FixtureOptions["hooks"];
}

/** A turn whose one call stands at this position; `ran` counts its effects. */
async function setUp(position: (hash: string, workDir: string) => Partial<CallPosition>, options: CallOptions = {}) {
  const ran: string[] = [];
  const run: FakeToolOptions["run"] = (args) => {
    ran.push(args ?? "");
    return toolOk("acted");
  };
  const base = fakeTool("Act", { run, ...options });
  const { files } = options;
  const tool: CallableTool = {
    ...base,
    prepare: async (args, call) => {
      const prepared = await base.prepare(args, call);
      return "execute" in prepared && files !== undefined ? { ...prepared, ...files } : prepared;
    },
  };
  const made = await fixtures.turn({
    provider: new FakeProvider(reply(["done"])),
    tools: options.tools ?? [tool],
    ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
  });
  const { deps, sink } = made;
  const prepared: PreparedCall = { ask: null, effect: "exec", execute: async () => toolOk(""), ...files };
  const hash = actionHash(CALL, prepared, deps.workDir);
  made.history.checkpoint([{ type: "text", text: "go" }]);
  const step = endedStep([CALL], { c1: position(hash, deps.workDir) });
  const result = () => {
    const [payload] = sink.payloads("ToolResult");
    return payload?.return_value as { is_error: boolean; output: string; message: string; extras: unknown };
  };
  return { ...made, ran, hash, result, run: () => resumeTurn(turnPosition({ step }), deps, SIGNAL()) };
}

const requests = (sink: { sent: { kind: string; type: string; payload: Record<string, unknown> }[] }) =>
  sink.sent.filter(({ kind }) => kind === "request").map(({ type, payload }) => [type, payload.id]);

test("an approval without an answer is asked again with its id, then the call runs once", async () => {
  const { run, sink, ran, journal, hash } = await setUp(
    (actionHash) => ({ approval: { requestId: "r1", actionHash, answer: null } }),
    { ask: true },
  );
  sink.onRequest = approving({ response: "approve" });
  await run();
  expect(requests(sink)).toEqual([["ApprovalRequest", "r1"]]);
  expect(sink.payloads("ApprovalResponse")).toEqual([{ request_id: "r1", response: "approve", feedback: "" }]);
  expect(ran).toEqual(['{"a":1}']);
  expect(journal().find(({ kind }) => kind === "request")).toMatchObject({ extra: { action_hash: hash } });
});

test("what was asked is not what would be done now: the old question is settled, a new one is asked", async () => {
  for (const actionHash of ["other", null]) {
    const { run, sink, ran } = await setUp(() => ({ approval: { requestId: "r1", actionHash, answer: null } }), {
      ask: true,
    });
    sink.onRequest = approving({ response: "approve" });
    await run();
    expect(sink.payloads("ApprovalResponse")[0]).toEqual({ request_id: "r1", response: "reject", feedback: "" });
    const [[type, id]] = requests(sink) as [[string, string]];
    expect([type, id === "r1"]).toEqual(["ApprovalRequest", false]);
    expect(ran).toHaveLength(1);
  }
});

test("an approval that a mode answers now is settled for the client that saw it", async () => {
  const { run, sink, ran, deps } = await setUp(
    (actionHash) => ({ approval: { requestId: "r1", actionHash, answer: null } }),
    { ask: true },
  );
  deps.gate.setMode({ yolo: true, afk: false });
  await run();
  expect(requests(sink)).toEqual([]);
  expect(sink.payloads("ApprovalResponse")).toMatchObject([{ request_id: "r1", response: "approve" }]);
  expect(ran).toHaveLength(1);
});

test("approved and not begun: it runs unasked, if it is still the same", async () => {
  const answer = { response: "approve", feedback: "" } as const;
  const same = await setUp((actionHash) => ({ approval: { requestId: "r1", actionHash, answer } }), { ask: true });
  await same.run();
  expect([requests(same.sink), same.ran]).toEqual([[], ['{"a":1}']]);
  expect(same.deps.gate.listGrants()).toEqual([]);

  const changed = await setUp(() => ({ approval: { requestId: "r1", actionHash: "x", answer } }), { ask: true });
  changed.sink.onRequest = approving({ response: "reject" });
  await changed.run();
  expect(requests(changed.sink)).toHaveLength(1);
  expect(changed.ran).toEqual([]);
});

test("approved for the session and not begun: granted now, and run", async () => {
  const answer = { response: "approve_for_session", feedback: "" } as const;
  const { run, ran, deps } = await setUp((actionHash) => ({ approval: { requestId: "r1", actionHash, answer } }), {
    ask: true,
  });
  await run();
  expect(ran).toHaveLength(1);
  expect(deps.gate.listGrants()).toHaveLength(1);
});

test("a no that was answered stays one", async () => {
  const answer = { response: "reject", feedback: "not there" } as const;
  const { run, sink, ran, result } = await setUp(() => ({ approval: { requestId: "r1", actionHash: "x", answer } }), {
    ask: true,
  });
  await run();
  expect([requests(sink), ran]).toEqual([[], []]);
  expect(result().message).toBe("The tool call is rejected by the user. User feedback: not there");
});

test("a no holds even when the call could not be prepared any more", async () => {
  const answer = { response: "reject", feedback: "" } as const;
  const prepare = () => toolOk("ended early");
  const { run, provider } = await setUp(() => ({ approval: { requestId: "r1", actionHash: "x", answer } }), {
    prepare,
  });
  await run();
  expect(provider.requests).toEqual([]);
});

test("how a person said no is recorded beside the result", async () => {
  const { run, sink, journal } = await setUp(() => ({}), { ask: true });
  sink.onRequest = approving({ response: "reject" });
  await run();
  expect(journal().find(({ kind }) => kind === "result")).toMatchObject({ extra: { rejection: "" } });
});

const intent = (effect: EffectClass, change: Partial<IntentPosition> = {}): IntentPosition => {
  return { effectId: "e", effect, actionHash: "h", before: [], after: [], process: null, ...change };
};

test("an intent without a result: what only reads runs again", async () => {
  const { run, ran, result } = await setUp(() => ({ intent: intent("read") }), { effect: "read" });
  await run();
  expect(ran).toHaveLength(1);
  expect(result().output).toBe("acted");
});

test.each(["exec", "net"] as const)(
  "an intent without a result: %s is not run, its outcome is unknown",
  async (effect) => {
    const { run, ran, result, sink } = await setUp(() => ({ intent: intent(effect) }), { effect, ask: true });
    await run();
    expect([ran, requests(sink)]).toEqual([[], []]);
    expect(result()).toMatchObject({ is_error: true, extras: { code: "unknown_outcome" } });
  },
);

test("the evidence says whether its process is still there", async () => {
  const own = { pgid: process.pid, startTime: processStartTime(process.pid) };
  const gone = { pgid: 4_194_303, startTime: "1" };
  const parent = spawn("/bin/sh", ["-c", "sleep 0.2 & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  onTestFinished(() => void parent.kill("SIGKILL"));
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const zombie = Number(line.toString());
  // What nobody has reaped has ended all the same; where the kernel died that is the rule in many containers.
  await expect.poll(() => readFileSync(`/proc/${zombie}/stat`, "latin1")).toContain(") Z ");
  for (const [known, words] of [
    [own, "is still running"],
    [gone, "has ended"],
    [{ pgid: zombie, startTime: processStartTime(zombie) }, "has ended"],
  ] as const) {
    const { run, result } = await setUp(() => ({ intent: intent("exec", { process: known }) }));
    await run();
    expect(result().message).toContain(words);
  }
});

test("a tool that is gone does not make its outcome known", async () => {
  const { run, result } = await setUp(() => ({ intent: intent("exec") }), { tools: [] });
  await run();
  expect(result().extras).toEqual({ code: "unknown_outcome" });
});

/** An edit from "old" to "new" whose file holds this now; the effect is counted. */
async function edit(now: string | null, hashOf: (hash: string) => string = (hash) => hash) {
  let path = "";
  const files = { before: [] as FileState[], after: [] as FileState[] };
  const made = await setUp(
    (_hash, workDir) => {
      path = join(workDir, "f.txt");
      files.before.push({ path, sha256: sha("old") });
      files.after.push({ path, sha256: sha("new") });
      if (now !== null) writeFileSync(path, now);
      const prepared: PreparedCall = { ask: null, effect: "write", execute: async () => toolOk(""), ...files };
      return { intent: intent("write", { ...files, actionHash: hashOf(actionHash(CALL, prepared, workDir)) }) };
    },
    { effect: "write", files, ask: true },
  );
  await made.run();
  return { ...made, content: existsSync(path) ? readFileSync(path, "utf8") : null };
}

test("an edit whose file is as planned is done", async () => {
  const { ran, result, sink } = await edit("new");
  expect([ran, requests(sink)]).toEqual([[], []]);
  expect(result()).toMatchObject({ is_error: false });
});

test("an edit whose file is as before is made now, unasked", async () => {
  const { ran, result, sink } = await edit("old");
  expect([ran.length, requests(sink)]).toEqual([1, []]);
  expect(result().output).toBe("acted");
});

test("an edit whose file is something else, is gone, or would be another edit: conflict, nothing written", async () => {
  for (const { ran, result, content } of [await edit("other"), await edit(null), await edit("old", () => "else")]) {
    expect(ran).toEqual([]);
    expect(result()).toMatchObject({ is_error: true });
    expect(result().message).toContain("has changed since");
    expect(["other", "old", null]).toContain(content);
  }
});

test("kernel state without a result runs again", async () => {
  const { run, ran } = await setUp(() => ({}), { effect: "none" });
  await run();
  expect(ran).toHaveLength(1);
});

async function external(known: Partial<CallPosition>, registered = true) {
  const made = await fixtures.turn({ provider: new FakeProvider(reply(["done"])) });
  const { deps, sink } = made;
  const caller = clientToolCaller(made.recorder, (answer) => answer as never);
  const offered = new ExternalTools(new Set(), caller);
  if (registered) await offered.register([{ name: "Act", description: "d", parameters: { type: "object" } }]);
  deps.toolset = { definitions: async () => offered.definitions, find: async (name) => offered.find(name) };
  made.history.checkpoint([{ type: "text", text: "go" }]);
  const value = (output: string) => ({ return_value: { is_error: false, output, message: "", display: [] } });
  sink.onRequest = (request) => request.answer(value("fresh"));
  const step = endedStep([CALL], { c1: known });
  await resumeTurn(turnPosition({ step }), deps, SIGNAL());
  const [payload] = sink.payloads("ToolResult");
  return { sink, value: payload?.return_value as Record<string, unknown> };
}

const ASKED = { type: "ToolCallRequest", requestId: "c1", answer: null } as const;

test("a client's tool without an answer is asked again with the same id", async () => {
  for (const request of [ASKED, null]) {
    const { sink, value } = await external({ intent: intent("exec"), request });
    expect(requests(sink)).toEqual([["ToolCallRequest", "c1"]]);
    expect(value).toMatchObject({ output: "fresh" });
  }
});

test("a client's recorded answer is the result", async () => {
  const raw = { tool_call_id: "c1", return_value: { is_error: false, output: "kept", message: "", display: [] } };
  const { sink, value } = await external({ intent: intent("exec"), request: { ...ASKED, answer: { raw } } });
  expect(requests(sink)).toEqual([]);
  expect(value).toMatchObject({ output: "kept" });
});

test("a client's tool that the new client does not have is unknown, unless the old one had answered", async () => {
  const { value } = await external({ intent: intent("exec"), request: ASKED }, false);
  expect(value).toMatchObject({ extras: { code: "unknown_outcome" } });
  const kept = { is_error: false, output: "kept", message: "", display: [{ type: "brief", text: "b" }] };
  const answered = (return_value: unknown) => ({ ...ASKED, answer: { raw: { tool_call_id: "c1", return_value } } });
  const known = await external({ intent: intent("exec"), request: answered(kept) }, false);
  expect(known.value).toEqual({ ...kept, display: [], extras: null });
  const malformed = await external({ intent: intent("exec"), request: answered({ output: "x" }) }, false);
  expect(malformed.value).toMatchObject({ extras: { code: "unknown_outcome" } });
});

test("a client's tool whose name is another tool's by now: that one does not run", async () => {
  const raw = { return_value: { is_error: false, output: "kept", message: "" } };
  for (const [request, wanted] of [
    [ASKED, { extras: { code: "unknown_outcome" } }],
    [{ ...ASKED, answer: { raw } }, { output: "kept" }],
  ] as const) {
    const { run, ran, result } = await setUp(() => ({ intent: intent("exec"), request }));
    await run();
    expect(ran).toEqual([]);
    expect(result()).toMatchObject(wanted);
  }
});

test("a question's id and answer reach the tool that asked it", async () => {
  const seen: unknown[] = [];
  const request = { type: "QuestionRequest", requestId: "q1", answer: { raw: { a: "b" } } } as const;
  const { run } = await setUp(() => ({ request }), {
    effect: "none",
    run: (_args, { earlier }) => {
      seen.push(earlier);
      return toolOk("");
    },
  });
  await run();
  expect(seen).toEqual([request]);
});

const asksHook = { event: "PreToolUse", matcher: "", timeout: 30, on_error: "allow" } as const;

test("an undecided hook runs again and is told so; a decided one does not", async () => {
  const block = { ...asksHook, command: "grep -q '\"resumed\":true' && { echo seen >&2; exit 2; } || exit 0" };
  const undecided = await setUp(() => ({ hook: { batchId: "b", verdict: null } }), { hooks: [block] });
  await undecided.run();
  expect([undecided.ran, undecided.result().message.trim()]).toEqual([[], "seen"]);

  const never = { ...asksHook, command: "echo asked >&2; exit 2" };
  const verdict = { action: "allow", reason: "" } as const;
  const allowed = await setUp(() => ({ hook: { batchId: "b", verdict } }), { hooks: [never] });
  await allowed.run();
  expect(allowed.ran).toHaveLength(1);

  const no = { action: "block", reason: "no" } as const;
  const blocked = await setUp(() => ({ hook: { batchId: "b", verdict: no } }));
  await blocked.run();
  expect([blocked.ran, blocked.result().message]).toEqual([[], "no"]);
});

test("a call that got beyond its hooks does not meet them again", async () => {
  const never = { ...asksHook, command: "echo asked >&2; exit 2" };
  const answer = { response: "approve", feedback: "" } as const;
  const { run, ran } = await setUp((actionHash) => ({ approval: { requestId: "r1", actionHash, answer } }), {
    ask: true,
    hooks: [never],
  });
  await run();
  expect(ran).toHaveLength(1);
  const decided = await setUp(() => ({ decided: "by itself" }), { hooks: [never] });
  await decided.run();
  expect(decided.ran).toHaveLength(1);
});
