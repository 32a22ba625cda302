/** Approvals: what is asked, what an answer does, what a grant covers. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { event, failure, HEX32, REJECTED, status, textPart, toolCall, toolResult, UUID } from "./expected-events.js";
import { type Message, startKernel } from "./kernel-process.js";
import { conversation, jsonLines, readState, seedSession, sessionIds, wireTypes } from "./session-records.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const RAN = { message: "Command executed successfully." };

function resultOf(messages: readonly Message[], id: string): unknown {
  return payloads(messages, "ToolResult").find((payload) => payload.tool_call_id === id)?.return_value;
}

describe("approvals", () => {
  it("W-201 approve: the worked lines of the protocol, and the command runs", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [shell("tc-1", "echo ok"), say("done")] }));
    await kernel.initialize();
    let request: Message = {};
    const turn = await runTurn(kernel, "run", (asked) => {
      request = asked;
      kernel.approve(asked);
    });
    const id = String(request.id);
    expect(id).toMatch(UUID);
    expect(request.params?.payload.source_id).toMatch(HEX32);
    expect(turn.messages).toEqual([
      event("TurnBegin", { user_input: "run" }),
      event("StepBegin", { n: 1 }),
      toolCall("tc-1", "Shell", '{"command":"echo ok"}'),
      status,
      {
        jsonrpc: "2.0",
        method: "request",
        id,
        params: {
          type: "ApprovalRequest",
          payload: {
            id,
            tool_call_id: "tc-1",
            sender: "Shell",
            action: "run command",
            description: "Run command `echo ok`",
            source_kind: "foreground_turn",
            source_id: request.params?.payload.source_id,
            agent_id: null,
            subagent_type: null,
            source_description: null,
            display: [{ type: "shell", language: "bash", command: "echo ok" }],
          },
        },
      },
      event("ApprovalResponse", { request_id: id, response: "approve", feedback: "" }),
      toolResult("tc-1", { ...RAN, output: "ok\n" }),
      event("StepBegin", { n: 2 }),
      textPart("done"),
      status,
      event("TurnEnd"),
    ]);
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("W-202 reject without feedback: the error result, TurnEnd, finished, and the model is not asked again", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "touch ran"), say("second")] });
    const kernel = startKernel(workspace);
    const turn = await runTurn(kernel, "go", (asked) => kernel.approve(asked, "reject"));
    expect(types(turn.messages).slice(3)).toEqual([
      "StatusUpdate",
      "request:ApprovalRequest",
      "ApprovalResponse",
      "ToolResult",
      "TurnEnd",
    ]);
    expect(payloads(turn.messages, "ApprovalResponse")[0]).toMatchObject({ response: "reject", feedback: "" });
    expect(resultOf(turn.messages, "t1")).toEqual(REJECTED);
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(existsSync(join(workspace.workDir, "ran"))).toBe(false);
    expect(conversation(workspace).at(-1)).toEqual({
      role: "tool",
      tool_call_id: "t1",
      content: `<system>ERROR: ${REJECTED.message}</system>`,
    });
    expect(payloads((await runTurn(kernel, "again")).messages, "ContentPart")).toEqual([
      { type: "text", text: "second" },
    ]);
  });

  it("W-203 reject with feedback: the reason is in the event and the result, and the loop goes on", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "echo 1"), say("adapted")] });
    const kernel = startKernel(workspace);
    const turn = await runTurn(kernel, "go", (asked) => kernel.approve(asked, "reject", "use ls"));
    expect(payloads(turn.messages, "ApprovalResponse")[0]).toMatchObject({ response: "reject", feedback: "use ls" });
    expect(resultOf(turn.messages, "t1")).toEqual(
      failure("The tool call is rejected by the user. User feedback: use ls", "Rejected: use ls"),
    );
    expect(types(turn.messages).slice(7)).toEqual(["StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
    expect(conversation(workspace)[4]).toMatchObject({
      content: "<system>ERROR: The tool call is rejected by the user. User feedback: use ls</system>",
    });
  });

  it("W-204 one of two rejected: the other still runs and reports, then the turn ends", async () => {
    const two = script(shell("t1", "echo 1"), call("t2", "WriteFile", { path: "f.txt", content: "x\n" }));
    const workspace = createWorkspace({ scripts: [two, say("never")] });
    const kernel = startKernel(workspace);
    const turn = await runTurn(kernel, "go", (asked) =>
      kernel.approve(asked, asked.params?.payload.tool_call_id === "t1" ? "reject" : "approve"),
    );
    expect(resultOf(turn.messages, "t1")).toEqual(REJECTED);
    expect(resultOf(turn.messages, "t2")).toMatchObject({ is_error: false });
    expect(types(turn.messages).at(-1)).toBe("TurnEnd");
    expect(payloads(turn.messages, "StepBegin")).toEqual([{ n: 1 }]);
    expect(turn.response.result).toEqual({ status: "finished" });
    const tools = conversation(workspace).filter((line) => line.role === "tool");
    expect(tools.map((line) => line.tool_call_id)).toEqual(["t1", "t2"]);
  });

  it("W-205 one rejection with feedback beside one without: the turn goes on", async () => {
    const two = script(shell("t1", "echo 1"), call("t2", "WriteFile", { path: "f.txt", content: "x\n" }));
    const kernel = startKernel(createWorkspace({ scripts: [two, say("adapted")] }));
    const turn = await runTurn(kernel, "go", (asked) =>
      asked.params?.payload.tool_call_id === "t1"
        ? kernel.approve(asked, "reject")
        : kernel.approve(asked, "reject", "no files"),
    );
    expect(payloads(turn.messages, "StepBegin")).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it("W-206 approve_for_session covers the same program with other safe arguments, and no other program", async () => {
    const scripts = [
      shell("t1", "echo 1"),
      shell("t2", "echo 2"),
      shell("t3", "touch made.txt"),
      shell("t4", "echo 3 && touch made.txt"),
      say("done"),
    ];
    const workspace = createWorkspace({ scripts });
    const kernel = startKernel(workspace);
    const asked: unknown[] = [];
    const turn = await runTurn(kernel, "go", (request) => {
      asked.push(request.params?.payload.tool_call_id);
      kernel.approve(request, request.params?.payload.tool_call_id === "t1" ? "approve_for_session" : "reject", "no");
    });
    expect(asked).toEqual(["t1", "t3", "t4"]);
    expect(payloads(turn.messages, "ApprovalResponse").map((p) => p.response)).toEqual([
      "approve_for_session",
      "reject",
      "reject",
    ]);
    expect(resultOf(turn.messages, "t2")).toMatchObject({ is_error: false, output: "2\n" });
    expect(existsSync(join(workspace.workDir, "made.txt"))).toBe(false);
    const { approval } = readState(workspace) as { approval: { auto_approve_actions: string[] } };
    expect(approval.auto_approve_actions).toEqual([]);
  });

  it("W-207 a grant is kept with its session over a restart, and is unknown to another session", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "echo 1"), say("done")] });
    const first = startKernel(workspace);
    await runTurn(first, "go", (asked) => first.approve(asked, "approve_for_session"));
    await first.close();
    const [id] = sessionIds(workspace);
    const again = startKernel(workspace, { args: ["--session", String(id)] });
    const turn = await runTurn(again, "go", (asked) => again.approve(asked, "reject"));
    expect(types(turn.messages)).not.toContain("request:ApprovalRequest");
    expect(resultOf(turn.messages, "t1")).toMatchObject({ output: "1\n" });
    const other = startKernel(workspace);
    const asking = await runTurn(other, "go", (asked) => other.approve(asked, "reject"));
    expect(types(asking.messages)).toContain("request:ApprovalRequest");
  });

  it("W-208 a pending request that a new grant covers settles with it as approve", async () => {
    const two = script(shell("t1", "echo 1"), shell("t2", "echo 2"), shell("t3", "touch x"));
    const kernel = startKernel(createWorkspace({ scripts: [two, say("done")] }));
    const open: Message[] = [];
    const turn = await runTurn(kernel, "go", async (asked) => {
      open.push(asked);
      if (open.length < 3) return;
      kernel.approve(open[0] as Message, "approve_for_session");
      await kernel.find(
        (m) => m.params?.type === "ApprovalResponse" && m.params.payload.request_id === open[1]?.id,
        "the second to settle",
      );
      kernel.approve(open[2] as Message);
    });
    const settled = payloads(turn.messages, "ApprovalResponse").map((p) => [p.request_id, p.response]);
    expect(settled).toEqual([
      [open[0]?.id, "approve_for_session"],
      [open[1]?.id, "approve"],
      [open[2]?.id, "approve"],
    ]);
    expect(resultOf(turn.messages, "t2")).toMatchObject({ is_error: false, output: "2\n" });
  });

  it("W-209 coarse actions in a state file of another kernel grant nothing", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "echo 1"), say("done")] });
    const id = "0b4b1c1e-7d3f-4b52-9d63-0c7f3a3c8f11";
    const approval = { yolo: false, afk: false, auto_approve_actions: ["run command", "edit file"] };
    seedSession(workspace, id, {
      "context.jsonl": jsonLines([{ role: "_system_prompt", content: "You help." }]),
      "wire.jsonl": jsonLines([{ type: "metadata", protocol_version: "1.10" }]),
      "state.json": JSON.stringify({ version: 1, approval, custom_title: "kept" }, null, 2),
    });
    const kernel = startKernel(workspace, { args: ["--session", id] });
    const turn = await runTurn(kernel, "go", (asked) => kernel.approve(asked));
    expect(types(turn.messages)).toContain("request:ApprovalRequest");
    expect(readState(workspace).custom_title).toBe("kept");
  });

  it("W-210 --yolo asks nothing and sends no ApprovalResponse", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [shell("t1", "echo 1"), say("done")] }), {
      args: ["--yolo"],
    });
    const turn = await runTurn(kernel, "go", (asked) => kernel.approve(asked, "reject"));
    expect(types(turn.messages)).toEqual([
      ...["TurnBegin", "StepBegin", "ToolCall", "StatusUpdate", "ToolResult"],
      ...["StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
  });

  it("W-211 /yolo switches on, is kept with the session, and switches off again", async () => {
    const workspace = createWorkspace({
      scripts: [shell("t1", "echo 1"), say("done"), shell("t1", "echo 1"), say("x")],
    });
    const kernel = startKernel(workspace);
    const on = await runTurn(kernel, "/yolo");
    expect(on.messages).toEqual([
      event("TurnBegin", { user_input: "/yolo" }),
      textPart("You only live once! All actions will be auto-approved."),
      event("TurnEnd"),
    ]);
    expect(types((await runTurn(kernel, "go")).messages)).not.toContain("request:ApprovalRequest");
    expect(readState(workspace)).toMatchObject({ approval: { yolo: true } });
    await kernel.close();
    const again = startKernel(workspace, { args: ["--continue"] });
    expect(types((await runTurn(again, "go")).messages)).not.toContain("request:ApprovalRequest");
    const off = await runTurn(again, "/yolo");
    expect(off.messages[1]).toEqual(textPart("You only die once! Actions will require approval."));
    expect(readState(workspace)).toMatchObject({ approval: { yolo: false } });
    const asking = await runTurn(again, "go", (asked) => again.approve(asked));
    expect(types(asking.messages)).toContain("request:ApprovalRequest");
  });

  it("W-212 an error as the answer is a no", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [shell("t1", "echo 1"), say("never")] }));
    const turn = await runTurn(kernel, "go", (asked) =>
      kernel.send({ id: asked.id as string, error: { code: -1, message: "nah" } }),
    );
    expect(payloads(turn.messages, "ApprovalResponse")[0]).toMatchObject({ response: "reject", feedback: "" });
    expect(resultOf(turn.messages, "t1")).toEqual(REJECTED);
  });

  it("W-213 a malformed answer is a no", async () => {
    const answers: unknown[] = [null, {}, "approve", { response: "maybe" }, { response: true }, ["approve"]];
    const scripts = answers.map((_, i) => shell(`t${i}`, `touch ran${i}`));
    const workspace = createWorkspace({ scripts });
    const kernel = startKernel(workspace);
    for (const [i, answer] of answers.entries()) {
      const turn = await runTurn(kernel, "go", (asked) => kernel.answer(asked, answer));
      expect(payloads(turn.messages, "ApprovalResponse")[0], JSON.stringify(answer)).toMatchObject({
        response: "reject",
      });
      expect(existsSync(join(workspace.workDir, `ran${i}`))).toBe(false);
    }
  });

  it("W-214 the JSON-RPC id binds the answer, whatever request_id says", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [shell("t1", "echo 1"), say("done")] }));
    const turn = await runTurn(kernel, "go", (asked) =>
      kernel.answer(asked, { request_id: "WRONG", response: "approve" }),
    );
    expect(payloads(turn.messages, "ApprovalResponse")[0]).toEqual({
      request_id: turn.messages.find((m) => m.method === "request")?.id,
      response: "approve",
      feedback: "",
    });
    expect(resultOf(turn.messages, "t1")).toMatchObject({ output: "1\n" });
  });

  it("W-215 a second answer and one to an unknown id change nothing", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [shell("t1", "echo 1"), say("done")] }));
    const turn = await runTurn(kernel, "go", (asked) => {
      kernel.send({ id: "nobody", result: { request_id: "nobody", response: "approve" } });
      kernel.approve(asked, "reject");
      kernel.approve(asked, "approve");
    });
    expect(payloads(turn.messages, "ApprovalResponse")).toHaveLength(1);
    expect(resultOf(turn.messages, "t1")).toEqual(REJECTED);
    expect(kernel.log.filter((m) => m.error !== undefined)).toEqual([]);
  });

  it("W-216 an edit in the work dir: its own action, the absolute path, a diff; a grant covers the next edit", async () => {
    const scripts = [
      call("t1", "WriteFile", { path: "f.txt", content: "x\n" }),
      call("t2", "StrReplaceFile", { path: "f.txt", edit: { old: "x", new: "y" } }),
      say("done"),
    ];
    const workspace = createWorkspace({ scripts });
    const kernel = startKernel(workspace);
    const file = join(workspace.workDir, "f.txt");
    const asked: Message[] = [];
    await runTurn(kernel, "go", (request) => {
      asked.push(request);
      kernel.approve(request, "approve_for_session");
    });
    expect(asked.map((request) => request.params?.payload)).toEqual([
      expect.objectContaining({
        sender: "WriteFile",
        action: "edit file",
        description: `Write file \`${file}\``,
        display: [
          { type: "diff", path: file, old_text: "", new_text: "x", old_start: 1, new_start: 1, is_summary: false },
        ],
      }),
    ]);
    expect(readFileSync(file, "utf8")).toBe("y\n");
  });

  it("W-217 an edit outside of the work dir has an action of its own that a workspace grant does not cover", async () => {
    const workspace = createWorkspace();
    const outside = join(dirname(workspace.workDir), "outside.txt");
    writeFileSync(
      join(dirname(workspace.workDir), "scripts.json"),
      JSON.stringify([
        call("t1", "WriteFile", { path: "in.txt", content: "x" }),
        call("t2", "WriteFile", { path: outside, content: "x" }),
        say("done"),
      ]),
    );
    const kernel = startKernel(workspace);
    const actions: unknown[] = [];
    await runTurn(kernel, "go", (asked) => {
      actions.push([asked.params?.payload.action, asked.params?.payload.description]);
      kernel.approve(asked, asked.params?.payload.tool_call_id === "t1" ? "approve_for_session" : "reject");
    });
    expect(actions).toEqual([
      ["edit file", `Write file \`${join(workspace.workDir, "in.txt")}\``],
      ["edit file outside of working directory", `Write file \`${outside}\``],
    ]);
    expect(existsSync(outside)).toBe(false);
  });

  it("W-218 reading outside of the workspace asks too", async () => {
    const workspace = createWorkspace();
    const outside = join(dirname(workspace.workDir), "secret.txt");
    writeFileSync(outside, "secret\n");
    const scripts = [call("t1", "ReadFile", { path: outside }), say("done")];
    writeFileSync(join(dirname(workspace.workDir), "scripts.json"), JSON.stringify(scripts));
    const kernel = startKernel(workspace);
    const senders: unknown[] = [];
    const turn = await runTurn(kernel, "go", (asked) => {
      senders.push(asked.params?.payload.sender);
      kernel.approve(asked, "reject");
    });
    expect(senders).toEqual(["ReadFile"]);
    expect(resultOf(turn.messages, "t1")).toEqual(REJECTED);
  });

  it("W-219 approvals are delivered to a client that never initialised", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [shell("t1", "echo 1"), say("done")] }));
    const turn = await runTurn(kernel, "go", (asked) => kernel.approve(asked));
    expect(resultOf(turn.messages, "t1")).toMatchObject({ output: "1\n" });
  });

  it("W-220 several approvals are open at once, asked in call order, answered in any; the context keeps call order", async () => {
    const three = script(shell("t1", "echo 1"), shell("t2", "date +%Y"), shell("t3", "touch x"));
    const workspace = createWorkspace({ scripts: [three, say("done")] });
    const kernel = startKernel(workspace);
    const open: Message[] = [];
    const turn = await runTurn(kernel, "go", async (asked) => {
      open.push(asked);
      if (open.length < 3) return;
      for (const request of [...open].reverse()) {
        kernel.approve(request);
        const id = request.params?.payload.tool_call_id;
        await kernel.find(
          (m) => m.params?.type === "ToolResult" && m.params.payload.tool_call_id === id,
          `result ${id}`,
        );
      }
    });
    expect(open.map((request) => request.params?.payload.tool_call_id)).toEqual(["t1", "t2", "t3"]);
    expect(payloads(turn.messages, "ToolResult").map((p) => p.tool_call_id)).toEqual(["t3", "t2", "t1"]);
    const tools = conversation(workspace).filter((line) => line.role === "tool");
    expect(tools.map((line) => line.tool_call_id)).toEqual(["t1", "t2", "t3"]);
    expect(wireTypes(workspace).filter((type) => type.startsWith("Approval"))).toEqual([]);
  });

  it("W-221 source_id is shared by the approvals of a turn and new in the next; ids never repeat", async () => {
    const two = script(shell("t1", "echo 1"), shell("t2", "date +%Y"));
    const kernel = startKernel(createWorkspace({ scripts: [two, say("a"), shell("t3", "echo 1"), say("b")] }));
    const asked: Message[] = [];
    for (const input of ["one", "two"]) {
      await runTurn(kernel, input, (request) => {
        asked.push(request);
        kernel.approve(request);
      });
    }
    const sources = asked.map((request) => request.params?.payload.source_id);
    expect(sources[0]).toBe(sources[1]);
    expect(sources[2]).not.toBe(sources[0]);
    expect(new Set(asked.map((request) => request.id)).size).toBe(3);
    for (const request of asked) expect(request.params?.payload.id).toBe(request.id);
  });
});
