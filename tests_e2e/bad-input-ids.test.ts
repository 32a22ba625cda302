/** Ids and answers: which are accepted, which collide, and that no stray answer ever makes something run. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { until } from "./process-scan.js";
import { shellCall, shellTurn } from "./scripts.js";
import { payloads, types } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const INVALID_REQUEST = { id: null, error: { code: -32600, message: "Invalid request" } };
const DUPLICATE = { id: null, error: { code: -32600, message: "Invalid request", data: { code: expect.any(String) } } };
const NO_TURN = { code: -32000, message: "No agent turn is in progress" };
const BUSY = { code: -32000, message: "An agent turn is already in progress" };

/** A kernel in mid-turn, asking whether it may append a line to the effects file. */
async function awaitingApproval(scripts = shellTurn("echo ran >> effects")): Promise<{
  kernel: KernelProcess;
  workspace: Workspace;
  request: Message;
  effects: () => string[];
}> {
  const workspace = createWorkspace({ scripts });
  const kernel = startKernel(workspace);
  await kernel.initialize();
  kernel.request("prompt", { user_input: "go" }, "live");
  const request = await kernel.serverRequest("ApprovalRequest");
  const file = join(workspace.workDir, "effects");
  const effects = () => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []);
  return { kernel, workspace, request, effects };
}

const responses = (kernel: KernelProcess, id: unknown) =>
  kernel.log.filter((m) => m.method === undefined && m.id === id);

describe("ids", () => {
  it.each([
    ["in the same tick", true],
    ["later", false],
  ])("B-016 F16 a duplicate live id %s is refused with id null, the first is unaffected", async (_when, same) => {
    const workspace = createWorkspace({ scripts: shellTurn("echo ran") });
    const kernel = startKernel(workspace);
    const prompt = JSON.stringify({ jsonrpc: "2.0", id: "dup", method: "prompt", params: { user_input: "go" } });
    const second = JSON.stringify({ jsonrpc: "2.0", id: "dup", method: "cancel" });
    kernel.raw(same ? `${prompt}\n${second}\n` : `${prompt}\n`);
    const request = await kernel.serverRequest("ApprovalRequest");
    if (!same) kernel.raw(`${second}\n`);
    expect(await kernel.response(null)).toMatchObject(DUPLICATE);
    kernel.approve(request);
    expect(await kernel.response("dup")).toMatchObject({ result: { status: "finished" } });
    expect(responses(kernel, "dup")).toHaveLength(1);
    expect((await kernel.call("cancel")).error).toMatchObject(NO_TURN);
  });

  it("B-017 F16 an id may be used again once it was answered", async () => {
    const kernel = startKernel(createWorkspace());
    for (let round = 1; round <= 3; round++) {
      kernel.request("cancel", undefined, "again");
      await until("the answer", () => responses(kernel, "again").length === round);
    }
    expect(kernel.log.every((m) => m.id === "again")).toBe(true);
  });

  it('B-018 F17 1 and "1" are two ids, each answered with its own type', async () => {
    const workspace = createWorkspace({ scripts: shellTurn("echo ran") });
    const kernel = startKernel(workspace);
    kernel.request("prompt", { user_input: "go" }, 1);
    const request = await kernel.serverRequest("ApprovalRequest");
    kernel.request("prompt", { user_input: "too" }, "1");
    expect(await kernel.response("1")).toMatchObject({ error: BUSY });
    kernel.approve(request);
    expect(await kernel.response(1)).toMatchObject({ result: { status: "finished" } });
    expect(kernel.log.filter((m) => m.id === null)).toEqual([]);
    kernel.raw('{"id":1,"method":"cancel"}\n{"id":"1","method":"cancel"}\n');
    await until("both answers", () => responses(kernel, 1).length === 2 && responses(kernel, "1").length === 2);
  });

  it("B-019 F18 ids that are null, no integer or no string are refused; without an id nothing is answered", async () => {
    const kernel = startKernel(createWorkspace({ scripts: ["text: must not be asked for"] }));
    const refused = ["null", "1.5", "-0.5", "1e400", "true", "{}", "[]", '["a"]', '{"id":1}'];
    for (const [index, id] of refused.entries()) {
      kernel.raw(`{"jsonrpc":"2.0","id":${id},"method":"cancel"}\n`);
      await until(`refusal of ${id}`, () => responses(kernel, null).length === index + 1);
    }
    for (const message of responses(kernel, null)) expect(message).toMatchObject(INVALID_REQUEST);
    const before = kernel.log.length;
    const notifications = ["prompt", "cancel", "initialize", "nope", "event"];
    for (const method of notifications) kernel.send({ method, params: { user_input: "x", protocol_version: "1.10" } });
    for (const id of ["", 0, -5, "x".repeat(5_000)]) {
      kernel.request("cancel", undefined, id);
      expect(await kernel.response(id)).toMatchObject({ error: NO_TURN });
    }
    expect(kernel.log.slice(before)).toHaveLength(4);
  });
});

describe("answers", () => {
  it("B-020 F20 an answer to an unknown id changes nothing", async () => {
    const { kernel, request, effects } = await awaitingApproval();
    for (const id of ["nobody", "live", "", 7, String(request.params?.payload.tool_call_id)]) {
      kernel.send({ id, result: { request_id: request.id, response: "approve" } });
    }
    kernel.send({ id: "nobody", error: { code: 1, message: "x" } });
    kernel.send({ id: null, error: { code: -32700, message: "cannot read you" } });
    kernel.approve(request, "reject");
    expect(await kernel.response("live")).toMatchObject({ result: { status: "finished" } });
    expect(effects()).toEqual([]);
    expect(payloads(kernel.log, "ApprovalResponse")).toMatchObject([{ response: "reject" }]);
  });

  it.each([
    ["reject", "approve", []],
    ["approve", "reject", ["ran"]],
    ["approve", "approve", ["ran"]],
  ] as const)("B-021 F20 of two answers the first counts: %s, then %s", async (first, second, expected) => {
    const { kernel, request, effects } = await awaitingApproval();
    const answer = (response: string) =>
      JSON.stringify({ jsonrpc: "2.0", id: request.id, result: { request_id: request.id, response } });
    kernel.raw(`${answer(first)}\n${answer(second)}\n`);
    expect(await kernel.response("live")).toMatchObject({ result: { status: "finished" } });
    kernel.approve(request);
    expect((await kernel.call("cancel")).error).toMatchObject(NO_TURN);
    expect(effects()).toEqual(expected);
    expect(payloads(kernel.log, "ApprovalResponse")).toMatchObject([{ response: first }]);
    expect(types(kernel.log).filter((type) => type === "ToolResult")).toHaveLength(1);
  });

  it.each(["same write", "after the end"])("B-022 F20 an approval after cancel never executes (%s)", async (when) => {
    const { kernel, request, effects, workspace } = await awaitingApproval();
    const stop = JSON.stringify({ jsonrpc: "2.0", id: "stop", method: "cancel" });
    const yes = JSON.stringify({
      jsonrpc: "2.0",
      id: request.id,
      result: { request_id: request.id, response: "approve" },
    });
    kernel.raw(when === "same write" ? `${stop}\n${yes}\n` : `${stop}\n`);
    expect(await kernel.response("stop")).toMatchObject({ result: {} });
    expect(await kernel.response("live")).toMatchObject({ result: { status: "cancelled" } });
    kernel.raw(`${yes}\n`);
    expect((await kernel.call("cancel")).error).toMatchObject(NO_TURN);
    expect(payloads(kernel.log, "ApprovalResponse")).toMatchObject([{ response: "reject" }]);
    // A marker from a turn that does run: had the late approval started anything, it would have written before.
    kernel.request("prompt", { user_input: "go on" }, "next");
    expect(await kernel.response("next")).toMatchObject({ result: { status: "finished" } });
    expect(effects()).toEqual([]);
    expect(await kernel.close()).toEqual({ code: 0, signal: null });
    expect(existsSync(join(workspace.workDir, "effects"))).toBe(false);
  });

  it.each<[string, (request: Message) => unknown]>([
    ["an unknown response", (r) => ({ id: r.id, result: { request_id: r.id, response: "yes" } })],
    ["another case", (r) => ({ id: r.id, result: { request_id: r.id, response: "Approve" } })],
    ["true", (r) => ({ id: r.id, result: true })],
    ["a bare word", (r) => ({ id: r.id, result: "approve" })],
    ["a list", (r) => ({ id: r.id, result: ["approve"] })],
    ["null", (r) => ({ id: r.id, result: null })],
    ["an error", (r) => ({ id: r.id, error: { code: 1, message: "no" } })],
    ["an error without a message", (r) => ({ id: r.id, error: { code: 1 } })],
    [
      "approve only in the prototype",
      (r) => ({ id: r.id, result: JSON.parse('{"__proto__":{"response":"approve"}}') }),
    ],
  ])("B-023 an answer that is malformed is a no: %s", async (_what, message) => {
    const { kernel, request, effects } = await awaitingApproval();
    kernel.send(message(request) as Message);
    expect(await kernel.response("live")).toMatchObject({ result: { status: "finished" } });
    expect(effects()).toEqual([]);
    expect(payloads(kernel.log, "ApprovalResponse")).toMatchObject([{ response: "reject" }]);
  });

  it("B-024 the JSON-RPC id alone binds an answer: one approval never approves another call", async () => {
    const two = [`${shellCall("t1", "echo one >> effects")}\n${shellCall("t2", "echo two >> effects")}`, "text: end"];
    const { kernel, request, effects } = await awaitingApproval(two);
    const second = await kernel.serverRequest("ApprovalRequest");
    kernel.answer(request, { request_id: second.id, response: "approve" });
    kernel.answer(second, { request_id: request.id, response: "reject", feedback: "only the first" });
    expect(await kernel.response("live")).toMatchObject({ result: { status: "finished" } });
    expect(effects()).toEqual(["one"]);
  });

  it("B-025 an approval may not be granted before it was asked for", async () => {
    const { kernel, request, effects } = await awaitingApproval([
      ...shellTurn("echo one >> effects"),
      ...shellTurn("echo two >> effects"),
    ]);
    kernel.approve(request);
    await kernel.response("live");
    // The id of the first approval is spent; the next turn must ask again.
    kernel.request("prompt", { user_input: "again" }, "second");
    kernel.approve(request);
    const next = await kernel.serverRequest("ApprovalRequest");
    expect(next.id).not.toBe(request.id);
    kernel.approve(next, "reject");
    expect(await kernel.response("second")).toMatchObject({ result: { status: "finished" } });
    expect(effects()).toEqual(["one"]);
  });
});
