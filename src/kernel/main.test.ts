import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { kinds, memoryKernels, type RpcLine } from "./testing/memory-kernel.js";

const start = memoryKernels();
const WRITE =
  'tool_call: {"id":"t1","name":"WriteFile","arguments":"{\\"path\\":\\"a.txt\\",\\"content\\":\\"hi\\\\n\\"}"}';
const EXT = 'tool_call: {"id":"t1","name":"ext","arguments":"{}"}';
const OFFER = [{ name: "ext", description: "d", parameters: { type: "object" } }];
const isRequest = ({ method }: RpcLine) => method === "request";
const isResponse = (id: string) => (line: RpcLine) => line.id === id && line.method === undefined;
const payloadId = (line: RpcLine | undefined) => String(line?.params?.payload.id);
const event = (type: string, payload: unknown) => ({ jsonrpc: "2.0", method: "event", params: { type, payload } });
const STATUS = {
  context_usage: null,
  context_tokens: null,
  max_context_tokens: null,
  token_usage: null,
  message_id: null,
  plan_mode: false,
  mcp_status: null,
};

test("one approved call, line by line", async () => {
  const kernel = start({ scripts: [WRITE, "text: done"] });
  kernel.sendJson({ jsonrpc: "2.0", id: "p", method: "prompt", params: { user_input: "write" } });
  const before = await kernel.read(isRequest);
  const request = before.at(-1);
  const id = payloadId(request);
  const args = '{"path":"a.txt","content":"hi\\n"}';
  const path = join(kernel.workDir, "a.txt");
  const diff = {
    type: "diff",
    path,
    old_text: "",
    new_text: "hi",
    old_start: 1,
    new_start: 1,
    is_summary: false,
  };
  expect(before).toEqual([
    event("TurnBegin", { user_input: "write" }),
    event("StepBegin", { n: 1 }),
    event("ToolCall", { type: "function", id: "t1", function: { name: "WriteFile", arguments: args }, extras: null }),
    event("StatusUpdate", STATUS),
    {
      jsonrpc: "2.0",
      id,
      method: "request",
      params: {
        type: "ApprovalRequest",
        payload: {
          id,
          tool_call_id: "t1",
          sender: "WriteFile",
          action: "edit file",
          description: `Write file \`${path}\``,
          source_kind: "foreground_turn",
          source_id: expect.stringMatching(/^[0-9a-f]{32}$/),
          agent_id: null,
          subagent_type: null,
          source_description: null,
          display: [diff],
        },
      },
    },
  ]);
  expect(existsSync(path)).toBe(false);
  kernel.sendJson({ jsonrpc: "2.0", id, result: { request_id: id, response: "approve" } });
  expect(await kernel.read(isResponse("p"))).toEqual([
    event("ApprovalResponse", { request_id: id, response: "approve", feedback: "" }),
    event("ToolResult", {
      tool_call_id: "t1",
      return_value: {
        is_error: false,
        output: "",
        message: "File successfully overwritten. Current size: 3 bytes.",
        display: [diff],
        extras: null,
      },
    }),
    event("StepBegin", { n: 2 }),
    event("ContentPart", { type: "text", text: "done" }),
    event("StatusUpdate", STATUS),
    event("TurnEnd", {}),
    { jsonrpc: "2.0", id: "p", result: { status: "finished" } },
  ]);
  expect(readFileSync(path, "utf8")).toBe("hi\n");
});

describe("answers to an approval", () => {
  test.each<[string, (id: string) => object]>([
    ["an error response", (id) => ({ id, error: { code: -32601, message: "no" } })],
    ["a malformed result", (id) => ({ id, result: { response: "approve" } })],
    ["an unknown word", (id) => ({ id, result: { request_id: id, response: "yes" } })],
  ])("%s is a no", async (_name, answer) => {
    const kernel = start({ scripts: [WRITE, "text: never"] });
    kernel.sendJson({ jsonrpc: "2.0", id: "p", method: "prompt", params: { user_input: "x" } });
    const id = payloadId((await kernel.read(isRequest)).at(-1));
    kernel.sendJson({ jsonrpc: "2.0", ...answer(id) });
    const rest = await kernel.read(isResponse("p"));
    expect(kinds(rest)).toEqual(["event:ApprovalResponse", "event:ToolResult", "event:TurnEnd", "response"]);
    expect(rest[0]?.params?.payload).toMatchObject({ response: "reject", feedback: "" });
    expect(existsSync(join(kernel.workDir, "a.txt"))).toBe(false);
  });

  test("the id of the line binds, the one inside does not", async () => {
    const kernel = start({ scripts: [WRITE, "text: done"] });
    kernel.sendJson({ jsonrpc: "2.0", id: "p", method: "prompt", params: { user_input: "x" } });
    const id = payloadId((await kernel.read(isRequest)).at(-1));
    kernel.sendJson({ jsonrpc: "2.0", id, result: { request_id: "another", response: "approve" } });
    expect((await kernel.read(isResponse("p"))).at(-1)?.result).toEqual({ status: "finished" });
    expect(existsSync(join(kernel.workDir, "a.txt"))).toBe(true);
  });

  test("after a cancel: ignored, and the next turn works", async () => {
    const kernel = start({ scripts: [WRITE, "text: after"] });
    kernel.sendJson({ jsonrpc: "2.0", id: "p", method: "prompt", params: { user_input: "x" } });
    const id = payloadId((await kernel.read(isRequest)).at(-1));
    kernel.sendJson({ jsonrpc: "2.0", id: "c", method: "cancel" });
    const rest = await kernel.read(isResponse("p"));
    expect(rest.find(isResponse("c"))?.result).toEqual({});
    expect(rest.at(-1)?.result).toEqual({ status: "cancelled" });
    kernel.sendJson({ jsonrpc: "2.0", id, result: { request_id: id, response: "approve" } });
    const next = await kernel.call("p2", "prompt", { user_input: "y" });
    expect(next.at(-1)?.result).toEqual({ status: "finished" });
    expect(existsSync(join(kernel.workDir, "a.txt"))).toBe(false);
  });
});

describe("external tools", () => {
  test("offered and used in one breath: the first turn already lists them", async () => {
    const kernel = start({ scripts: [EXT, "text: done"] });
    const initialize = { protocol_version: "1.10", external_tools: OFFER };
    kernel.send(
      `${JSON.stringify({ jsonrpc: "2.0", id: "i", method: "initialize", params: initialize })}\n` +
        `${JSON.stringify({ jsonrpc: "2.0", id: "p", method: "prompt", params: { user_input: "x" } })}\n`,
    );
    const before = await kernel.read(isRequest);
    expect(before[0]).toMatchObject({ id: "i", result: { external_tools: { accepted: ["ext"], rejected: [] } } });
    expect(before.at(-1)).toMatchObject({
      id: "t1",
      params: { type: "ToolCallRequest", payload: { id: "t1", name: "ext", arguments: "{}" } },
    });
    const return_value = { is_error: false, output: "o", message: "", display: [] };
    kernel.sendJson({ jsonrpc: "2.0", id: "t1", result: { tool_call_id: "t1", return_value } });
    const rest = await kernel.read(isResponse("p"));
    expect(rest[0]).toEqual(
      event("ToolResult", { tool_call_id: "t1", return_value: { ...return_value, extras: null } }),
    );
    const prefix = kernel.journal().findLast((record) => record.prefix)?.prefix as { tools: string[] };
    expect(prefix.tools.at(-1)).toBe("ext");
  });

  test("a cancelled call's id is kept for its late answer: the same id again gets a fresh one", async () => {
    const kernel = start({ scripts: [EXT, EXT, "text: done"] });
    await kernel.call("i", "initialize", { protocol_version: "1.10", external_tools: OFFER });
    kernel.sendJson({ jsonrpc: "2.0", id: "p", method: "prompt", params: { user_input: "x" } });
    await kernel.read(isRequest);
    kernel.sendJson({ jsonrpc: "2.0", id: "c", method: "cancel" });
    await kernel.read(isResponse("p"));
    kernel.sendJson({ jsonrpc: "2.0", id: "p2", method: "prompt", params: { user_input: "y" } });
    const again = await kernel.read(isRequest);
    const fresh = again.at(-1)?.id;
    expect(fresh).toMatch(/^call_[0-9a-f]{24}$/);
    expect(again.find(({ params }) => params?.type === "ToolCall")?.params?.payload.id).toBe(fresh);
    const answer = (id: unknown, output: string) =>
      kernel.sendJson({
        jsonrpc: "2.0",
        id,
        result: { tool_call_id: id, return_value: { is_error: false, output, message: "", display: [] } },
      });
    answer("t1", "late");
    answer(fresh, "right");
    const rest = await kernel.read(isResponse("p2"));
    expect(rest[0]?.params?.payload).toMatchObject({ tool_call_id: fresh, return_value: { output: "right" } });
  });
});

describe("methods by state", () => {
  test("idle", async () => {
    const kernel = start();
    const noTurn = { error: { code: -32000, message: "No agent turn is in progress", data: null } };
    expect((await kernel.call("1", "cancel"))[0]).toMatchObject(noTurn);
    expect((await kernel.call("2", "steer", { user_input: "x" }))[0]).toMatchObject(noTurn);
    expect((await kernel.call("3", "replay"))[0]?.result).toEqual({ status: "finished", events: 0, requests: 0 });
    const switched = await kernel.call("4", "set_plan_mode", { enabled: true });
    expect(switched.at(-1)?.result).toEqual({ status: "ok", plan_mode: true });
    const first = await kernel.call("5", "initialize", { protocol_version: "1.10" });
    const second = await kernel.call("6", "initialize", { protocol_version: "9" });
    expect(second[0]?.result).toEqual(first[0]?.result);
  });

  test("turn running", async () => {
    const kernel = start({ scripts: [WRITE, "text: never"] });
    kernel.sendJson({ jsonrpc: "2.0", id: "p", method: "prompt", params: { user_input: "x" } });
    await kernel.read(isRequest);
    const busy = { error: { code: -32000, message: "An agent turn is already in progress", data: null } };
    expect((await kernel.call("1", "prompt", { user_input: "y" }))[0]).toMatchObject(busy);
    expect((await kernel.call("2", "replay"))[0]).toMatchObject(busy);
    expect((await kernel.call("3", "initialize", { protocol_version: "1.10" }))[0]).toMatchObject(busy);
    expect((await kernel.call("4", "steer", { user_input: "s" }))[0]?.result).toEqual({ status: "steered" });
    kernel.sendJson({ jsonrpc: "2.0", id: "5", method: "cancel" });
    expect((await kernel.read(isResponse("p"))).at(-1)?.result).toEqual({ status: "cancelled" });
  });

  test("without a model", async () => {
    const kernel = start({ scripts: null });
    const taken = await kernel.call("p", "prompt", { user_input: "x" });
    expect(kinds(taken)).toEqual(["event:TurnBegin", "event:TurnEnd", "response"]);
    expect(taken.at(-1)?.error).toEqual({ code: -32001, message: "LLM is not set", data: null });
  });

  test("a provider's error, verbatim", async () => {
    const kernel = start({ scripts: [] });
    const taken = await kernel.call("p", "prompt", { user_input: "x" });
    expect(kinds(taken)).toEqual([
      ...["event:TurnBegin", "event:StepBegin", "event:StepInterrupted", "event:TurnEnd", "response"],
    ]);
    expect(taken.at(-1)?.error).toEqual({
      code: -32003,
      message: "ScriptedEchoChatProvider exhausted at turn 1.",
      data: null,
    });
  });
});

describe("the end", () => {
  test("idle, nothing was ever written", async () => {
    const kernel = start();
    await kernel.call("i", "initialize", { protocol_version: "1.10" });
    kernel.end();
    expect(await kernel.outcome).toMatchObject({ turnInterrupted: false, resumable: false });
    expect(existsSync(join(kernel.folder, "share", "sessions"))).toBe(false);
  });

  test.each(["EOF", "a signal"])(
    "%s in mid-turn: the turn is recorded as cancelled, the session can go on",
    async (how) => {
      const kernel = start({ scripts: [WRITE, "text: never"] });
      kernel.sendJson({ jsonrpc: "2.0", id: "p", method: "prompt", params: { user_input: "x" } });
      await kernel.read(isRequest);
      if (how === "EOF") kernel.end();
      else kernel.terminate();
      expect(await kernel.outcome).toEqual({ sessionId: "S1", turnInterrupted: true, resumable: true });
      expect(existsSync(join(kernel.workDir, "a.txt"))).toBe(false);
      const [hash = ""] = readdirSync(join(kernel.folder, "share", "sessions"));
      const wire = readFileSync(join(kernel.folder, "share", "sessions", hash, "S1", "wire.jsonl"), "utf8");
      expect(wire.trim().split("\n").at(-1)).toContain('"TurnEnd"');

      const next = start({ folder: kernel.folder, scripts: ["text: on"] });
      const taken = await next.call("p", "prompt", { user_input: "y" });
      expect(kinds(taken)).toEqual([
        ...[
          "event:TurnBegin",
          "event:StepBegin",
          "event:ContentPart",
          "event:StatusUpdate",
          "event:TurnEnd",
          "response",
        ],
      ]);
    },
  );

  test("a session id that is no file name is refused before anything is served", async () => {
    const kernel = start({ flags: { session: "../x" } });
    await expect(kernel.outcome).rejects.toMatchObject({ code: "usage" });
  });
});

test("replay after a restart: the same turn again, requests included", async () => {
  const first = start({ scripts: [EXT, "text: done"] });
  await first.call("i", "initialize", { protocol_version: "1.10", external_tools: OFFER });
  first.sendJson({ jsonrpc: "2.0", id: "p", method: "prompt", params: { user_input: "x" } });
  await first.read(isRequest);
  const return_value = { is_error: false, output: "o", message: "", display: [] };
  first.sendJson({ jsonrpc: "2.0", id: "t1", result: { tool_call_id: "t1", return_value } });
  await first.read(isResponse("p"));
  first.end();
  await first.outcome;
  const second = start({ folder: first.folder });
  const taken = await second.call("r", "replay");
  expect(kinds(taken)).toEqual([
    ...["event:TurnBegin", "event:StepBegin", "event:ToolCall", "event:StatusUpdate", "request:ToolCallRequest"],
    ...["event:ToolResult", "event:StepBegin", "event:ContentPart", "event:StatusUpdate", "event:TurnEnd", "response"],
  ]);
  expect(taken.find(isRequest)).toMatchObject({ id: "t1", params: { payload: { id: "t1", name: "ext" } } });
  expect(taken.at(-1)?.result).toEqual({ status: "finished", events: 9, requests: 1 });
});
