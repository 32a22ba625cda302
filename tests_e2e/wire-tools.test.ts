/** Built-in tools through a turn: parallel calls, refusals, the repeat guard, texts and effects in the work dir. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { failure, toolCall } from "./expected-events.js";
import { type Message, startKernel } from "./kernel-process.js";
import { conversation, readState, wireRecords } from "./session-records.js";
import { payloads, runTurn } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

type Value = { is_error: boolean; output: string; message: string; display: Record<string, unknown>[] };

function values(messages: readonly Message[]): Record<string, Value> {
  return Object.fromEntries(
    payloads(messages, "ToolResult").map((p) => [String(p.tool_call_id), p.return_value as unknown as Value]),
  );
}

const OK = "Command executed successfully.";

/** Runs the calls of one step with --yolo. */
async function runCalls(workspace: Workspace): Promise<Record<string, Value>> {
  const turn = await runTurn(startKernel(workspace, { args: ["--yolo"] }), "go");
  expect(turn.response.result).toEqual({ status: "finished" });
  return values(turn.messages);
}

describe("calls of a step", () => {
  it("W-401 run beside each other: results in completion order, tool messages in call order", async () => {
    const calls = script(say("a"), shell("t1", "until [ -e go ]; do sleep 0.05; done; echo 1"), shell("t2", "echo 2"));
    const workspace = createWorkspace({ scripts: [calls, say("done")] });
    const kernel = startKernel(workspace, { args: ["--yolo"] });
    const prompt = kernel.request("prompt", { user_input: "go" });
    expect((await kernel.event("ToolResult")).tool_call_id).toBe("t2");
    writeFileSync(join(workspace.workDir, "go"), "");
    await kernel.response(prompt);
    expect(payloads(kernel.log, "ToolResult").map((p) => p.tool_call_id)).toEqual(["t2", "t1"]);
    const text = (value: string) => ({ type: "text", text: value });
    expect(conversation(workspace).filter((line) => line.role === "tool")).toEqual([
      { role: "tool", tool_call_id: "t1", content: [text(`<system>${OK}</system>`), text("1\n")] },
      { role: "tool", tool_call_id: "t2", content: [text(`<system>${OK}</system>`), text("2\n")] },
    ]);
  });

  it("W-402 an unknown tool is an error the model sees, and the loop goes on", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "Nope"), say("done")] });
    const turn = await runTurn(startKernel(workspace), "go");
    expect(values(turn.messages).t1).toEqual(failure("Tool `Nope` not found", "Tool `Nope` not found"));
    expect(payloads(turn.messages, "StepBegin")).toHaveLength(2);
    expect(conversation(workspace)[4]).toEqual({
      role: "tool",
      tool_call_id: "t1",
      content: "<system>ERROR: Tool `Nope` not found</system>",
    });
  });

  it("W-403 bad arguments: not JSON, not the schema, missing; nothing is asked and the loop goes on", async () => {
    const calls = script(
      call("t1", "Shell", "{bad json"),
      call("t2", "Shell", { cmd: "x" }),
      call("t3", "Shell", null),
      call("t4", "SetTodoList", { todos: [{ title: "", status: "zz" }] }),
      call("t5", "Shell", "[1]"),
    );
    const turn = await runTurn(startKernel(createWorkspace({ scripts: [calls, say("done")] })), "go");
    const results = values(turn.messages);
    expect(results.t1?.message).toMatch(/^Error parsing JSON arguments: ./);
    for (const id of ["t2", "t3", "t4"])
      expect(results[id]?.message, id).toMatch(/^Error validating JSON arguments: ./);
    for (const id of ["t1", "t2", "t3", "t4", "t5"]) {
      expect(results[id], id).toMatchObject({
        is_error: true,
        display: [{ type: "brief", text: "Invalid arguments" }],
      });
    }
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("W-404 arguments that are not JSON: raw in the event and wire.jsonl, an empty object in the context", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "Shell", "{bad json"), say("done")] });
    const turn = await runTurn(startKernel(workspace), "go");
    const raw = toolCall("t1", "Shell", "{bad json").params;
    expect(turn.messages[2]?.params).toEqual(raw);
    expect(wireRecords(workspace)[2]?.message).toEqual(raw);
    expect(conversation(workspace)[3]).toEqual({
      role: "assistant",
      content: [],
      tool_calls: [{ type: "function", id: "t1", function: { name: "Shell", arguments: "{}" } }],
    });
  });

  it("W-405 the same call twice in a step runs once and copies its result", async () => {
    const calls = script(shell("t1", "echo x >> f; echo 1"), shell("t2", "echo x >> f; echo 1"));
    const workspace = createWorkspace({ scripts: [calls, say("done")] });
    const results = await runCalls(workspace);
    expect(results.t1).toMatchObject({ is_error: false, output: "1\n" });
    expect(results.t2).toEqual(results.t1);
    expect(readFileSync(join(workspace.workDir, "f"), "utf8")).toBe("x\n");
  });

  it("W-406 repetition: reminders from the 3rd call on, changing at 5 and 8, a stop at 12 without another model call", async () => {
    const steps = Array.from({ length: 12 }, (_, i) => shell(`t${i + 1}`, "echo 1"));
    const workspace = createWorkspace({ scripts: [...steps, say("next turn")] });
    const kernel = startKernel(workspace, { args: ["--yolo"] });
    const turn = await runTurn(kernel, "go");
    const outputs = Object.values(values(turn.messages)).map((value) => value.output);
    expect(outputs).toHaveLength(12);
    const reminder = (n: number) => (outputs[n - 1] as string).slice(2).trim();
    expect(outputs[0]).toBe("1\n");
    expect(outputs[1]).toBe("1\n");
    for (const n of [3, 4, 5, 6, 7, 8, 9, 12]) {
      expect(outputs[n - 1], String(n)).toMatch(/^1\n[\s\S]*<system-reminder>\n[\s\S]+\n<\/system-reminder>$/);
    }
    expect(reminder(4)).toBe(reminder(3));
    expect(reminder(5)).not.toBe(reminder(4));
    expect(reminder(8)).not.toBe(reminder(7));
    expect(reminder(12)).toBe(reminder(8));
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(payloads(turn.messages, "StepBegin")).toHaveLength(12);
    expect(payloads((await runTurn(kernel, "on")).messages, "ContentPart")).toEqual([
      { type: "text", text: "next turn" },
    ]);
  });

  it("W-407 key order and spaces do not hide a repetition, another call in between ends it", async () => {
    const todo = (id: string, text: string) => call(id, "Grep", text);
    const scripts = [
      todo("t1", '{"pattern":"a","path":"."}'),
      todo("t2", '{ "path": ".", "pattern": "a" }'),
      todo("t3", '{"pattern":"a", "path":"."}'),
      shell("t4", "echo 1"),
      todo("t5", '{"pattern":"a","path":"."}'),
      say("done"),
    ];
    const results = await runCalls(createWorkspace({ scripts }));
    expect(results.t2?.output).not.toContain("<system-reminder>");
    expect(results.t3?.output).toContain("<system-reminder>");
    expect(results.t5?.output).not.toContain("<system-reminder>");
  });
});

describe("built-in tools", () => {
  it("W-411 Shell: output, exit code, timeout, empty command, work dir, closed stdin", async () => {
    const calls = script(
      shell("t1", "echo out; echo err >&2; exit 3"),
      shell("t2", "sleep 20", { timeout: 1 }),
      shell("t3", ""),
      shell("t4", "pwd"),
      shell("t5", "cat; echo end"),
      shell("t6", "echo a; echo b >&2"),
    );
    const workspace = createWorkspace({ scripts: [calls, say("done")] });
    const results = await runCalls(workspace);
    expect(results.t1).toEqual(
      failure("Command failed with exit code: 3.", "Failed with exit code: 3\nout\nerr", "out\nerr\n"),
    );
    expect(results.t2).toEqual(failure("Command killed by timeout (1s)", "Killed by timeout (1s)"));
    expect(results.t3).toEqual(failure("Command cannot be empty.", "Empty command"));
    expect(results.t4).toMatchObject({ is_error: false, output: `${workspace.workDir}\n`, message: OK, display: [] });
    expect(results.t5).toMatchObject({ is_error: false, output: "end\n" });
    expect(results.t6).toMatchObject({ is_error: false, output: "a\nb\n" });
  });

  it("W-412 Shell: long output is cut, said in the message", async () => {
    const calls = script(shell("t1", "seq 1 20000"), shell("t2", "printf 'x%.0s' $(seq 1 3000)"));
    const results = await runCalls(createWorkspace({ scripts: [calls, say("done")] }));
    expect(results.t1?.output.length).toBeLessThanOrEqual(51_000);
    expect(results.t1?.message).toMatch(/Output is truncated to fit in the message\.$/);
    expect(results.t2?.output).toContain("[...truncated]");
    expect(results.t2?.output.length).toBeLessThan(2_100);
  });

  it("W-413 WriteFile: creates, overwrites, appends; the size in the message, the diff as display", async () => {
    const workspace = createWorkspace({
      scripts: [
        call("t1", "WriteFile", { path: "f.txt", content: "x\n" }),
        call("t2", "WriteFile", { path: "f.txt", content: "é\n", mode: "append" }),
        call("t3", "WriteFile", { path: "f.txt", content: "x\né\n" }),
        call("t4", "WriteFile", { path: "no/such/f.txt", content: "x" }),
        say("done"),
      ],
    });
    const results = await runCalls(workspace);
    const path = join(workspace.workDir, "f.txt");
    const diff = { type: "diff", path, old_start: 1, new_start: 1, is_summary: false };
    expect(results.t1).toEqual({
      is_error: false,
      output: "",
      message: "File successfully overwritten. Current size: 2 bytes.",
      display: [{ ...diff, old_text: "", new_text: "x" }],
      extras: null,
    });
    expect(results.t2).toMatchObject({
      message: "File successfully appended to. Current size: 5 bytes.",
      display: [{ ...diff, old_text: "x", new_text: "x\né" }],
    });
    expect(results.t3).toMatchObject({ message: "File successfully overwritten. Current size: 5 bytes.", display: [] });
    expect(results.t4).toEqual(
      failure("`no/such/f.txt` parent directory does not exist.", "Parent directory not found"),
    );
    expect(readFileSync(path, "utf8")).toBe("x\né\n");
  });

  it("W-414 StrReplaceFile: one edit, a list, all matches, no match", async () => {
    const workspace = createWorkspace({
      scripts: [
        call("t1", "StrReplaceFile", { path: "f.txt", edit: { old: "a", new: "b" } }),
        call("t2", "StrReplaceFile", {
          path: "f.txt",
          edit: [
            { old: "b", new: "c" },
            { old: "a", new: "d", replace_all: true },
          ],
        }),
        call("t3", "StrReplaceFile", { path: "f.txt", edit: { old: "zz", new: "y" } }),
        call("t4", "StrReplaceFile", { path: "none.txt", edit: { old: "a", new: "b" } }),
        say("done"),
      ],
    });
    writeFileSync(join(workspace.workDir, "f.txt"), "a\na\na\n");
    const results = await runCalls(workspace);
    expect(results.t1).toMatchObject({
      is_error: false,
      message: "File successfully edited. Applied 1 edit(s) with 1 total replacement(s).",
    });
    expect(results.t2?.message).toBe("File successfully edited. Applied 2 edit(s) with 3 total replacement(s).");
    expect(results.t3).toMatchObject({
      is_error: true,
      message: "No replacements were made. The old string was not found in the file.",
      display: [{ type: "brief", text: "No replacements made" }],
    });
    expect(results.t4).toMatchObject({ is_error: true, message: "`none.txt` does not exist." });
    expect(readFileSync(join(workspace.workDir, "f.txt"), "utf8")).toBe("c\nd\nd\n");
  });

  it("W-415 diffs: one block per hunk with three lines around it and start numbers", async () => {
    const workspace = createWorkspace({
      scripts: [
        call("t1", "StrReplaceFile", {
          path: "f.txt",
          edit: [
            { old: "line2\n", new: "LINE2\n" },
            { old: "line18\n", new: "LINE18\n" },
          ],
        }),
        say("done"),
      ],
    });
    const lines = Array.from({ length: 20 }, (_, i) => `line${i + 1}`);
    writeFileSync(join(workspace.workDir, "f.txt"), `${lines.join("\n")}\n`);
    const results = await runCalls(workspace);
    const path = join(workspace.workDir, "f.txt");
    expect(results.t1?.display).toEqual([
      {
        type: "diff",
        path,
        old_text: "line1\nline2\nline3\nline4\nline5",
        new_text: "line1\nLINE2\nline3\nline4\nline5",
        old_start: 1,
        new_start: 1,
        is_summary: false,
      },
      {
        type: "diff",
        path,
        old_text: "line15\nline16\nline17\nline18\nline19\nline20",
        new_text: "line15\nline16\nline17\nLINE18\nline19\nline20",
        old_start: 15,
        new_start: 15,
        is_summary: false,
      },
    ]);
  });

  it("W-416 ReadFile: numbered lines, window, tail, missing file, folder", async () => {
    const calls = script(
      call("t1", "ReadFile", { path: "f.txt" }),
      call("t2", "ReadFile", { path: "f.txt", line_offset: 2, n_lines: 1 }),
      call("t3", "ReadFile", { path: "f.txt", line_offset: -1 }),
      call("t4", "ReadFile", { path: "none.txt" }),
      call("t5", "ReadFile", { path: "dir" }),
    );
    const workspace = createWorkspace({ scripts: [calls, say("done")] });
    writeFileSync(join(workspace.workDir, "f.txt"), "a\nb\nc\n");
    mkdirSync(join(workspace.workDir, "dir"));
    const turn = await runTurn(startKernel(workspace), "go");
    const results = values(turn.messages);
    expect(results.t1).toMatchObject({
      is_error: false,
      output: "     1\ta\n     2\tb\n     3\tc\n",
      message: "3 lines read from file starting from line 1. Total lines in file: 3. End of file reached.",
    });
    expect(results.t2?.output).toBe("     2\tb\n");
    expect(results.t3?.output).toBe("     3\tc\n");
    expect(results.t4).toEqual(failure("`none.txt` does not exist.", "File not found"));
    expect(results.t5).toEqual(failure("`dir` is not a file.", "Invalid path"));
  });

  it("W-417 Glob and Grep find in the work dir and ask nothing", async () => {
    const calls = script(
      call("t1", "Glob", { pattern: "src/*.ts" }),
      call("t2", "Grep", { pattern: "needle" }),
      call("t3", "Grep", { pattern: "needle", output_mode: "content", path: "src" }),
      call("t4", "Grep", { pattern: "NEEDLE", "-i": true, output_mode: "count_matches" }),
      call("t5", "Glob", { pattern: "*.none" }),
    );
    const workspace = createWorkspace({ scripts: [calls, say("done")] });
    mkdirSync(join(workspace.workDir, "src"));
    writeFileSync(join(workspace.workDir, "src", "a.ts"), "x\nneedle\n");
    writeFileSync(join(workspace.workDir, "src", "b.ts"), "y\n");
    const turn = await runTurn(startKernel(workspace), "go");
    const results = values(turn.messages);
    expect(results.t1?.message).toMatch(/^Found 2 matches for pattern `src\/\*\.ts`\./);
    expect(
      results.t1?.output
        .trim()
        .split("\n")
        .map((line) => line.split("/").at(-1))
        .sort(),
    ).toEqual(["a.ts", "b.ts"]);
    expect(results.t2?.output).toContain("a.ts");
    expect(results.t2?.output).not.toContain("b.ts");
    expect(results.t3?.output).toMatch(/a\.ts.*2.*needle/);
    expect(results.t4?.output).toMatch(/a\.ts.*1/);
    expect(results.t5).toMatchObject({ is_error: false });
  });

  it("W-418 SetTodoList: the list is shown, stored and read back", async () => {
    const todos = [
      { title: "one", status: "done" },
      { title: "two", status: "in_progress" },
    ];
    const workspace = createWorkspace({
      scripts: [call("t1", "SetTodoList", { todos }), call("t2", "SetTodoList", {}), say("done")],
    });
    const turn = await runTurn(startKernel(workspace), "go");
    const results = values(turn.messages);
    expect(results.t1).toEqual({
      is_error: false,
      output: "Todo list updated",
      message: "Todo list updated",
      display: [{ type: "todo", items: todos }],
      extras: null,
    });
    expect(results.t2?.output).toMatch(/one[\s\S]*two/);
    expect(readState(workspace).todos).toEqual(todos);
  });
});
