/** Slash commands, and compaction, by hand and by itself. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, usage } from "./echo-scripts.js";
import { event, PLAIN_STATUS, textPart } from "./expected-events.js";
import { startKernel } from "./kernel-process.js";
import { contextLines, conversation, sessionDir } from "./session-records.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const figures = (tokens: number, max: number) => ({
  ...PLAIN_STATUS,
  plan_mode: null,
  context_usage: max === 0 ? 0 : tokens / max,
  context_tokens: tokens,
  max_context_tokens: max,
});

const count = (input: number) => usage({ input_other: input, output: 10 });

describe("slash commands", () => {
  it("W-751 /clear and its alias /reset: the text, zero figures, and a new context file", async () => {
    const workspace = createWorkspace({ scripts: [say("hello"), say("again")] });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "hi");
    const before = readFileSync(join(sessionDir(workspace), "context.jsonl"), "utf8");
    for (const [n, name] of ["/clear", "/reset"].entries()) {
      const turn = await runTurn(kernel, name);
      expect(turn.messages).toEqual([
        event("TurnBegin", { user_input: name }),
        textPart("The context has been cleared."),
        event("StatusUpdate", figures(0, 100_000)),
        event("TurnEnd"),
      ]);
      expect(turn.response.result).toEqual({ status: "finished" });
      expect(contextLines(workspace).map((line) => line.role)).toEqual(["_system_prompt"]);
      expect(existsSync(join(sessionDir(workspace), `context_${n + 1}.jsonl`))).toBe(true);
    }
    expect(readFileSync(join(sessionDir(workspace), "context_1.jsonl"), "utf8")).toBe(before);
    await runTurn(kernel, "anew");
    expect(conversation(workspace)).toEqual([
      { role: "_checkpoint", id: 0 },
      { role: "user", content: "anew" },
      { role: "_checkpoint", id: 1 },
      { role: "assistant", content: "again" },
    ]);
  });

  it("W-752 /compact without a conversation says so and nothing else", async () => {
    const kernel = startKernel(createWorkspace());
    expect((await runTurn(kernel, "/compact")).messages).toEqual([
      event("TurnBegin", { user_input: "/compact" }),
      textPart("The context is empty."),
      event("TurnEnd"),
    ]);
  });

  it("W-753 /compact with nothing to drop: no model call, the text is kept, the file is rotated, figures estimated", async () => {
    const workspace = createWorkspace({ scripts: [say("hello"), say("next")] });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "hi");
    const turn = await runTurn(kernel, "/compact");
    expect(turn.messages).toEqual([
      event("TurnBegin", { user_input: "/compact" }),
      event("CompactionBegin"),
      event("CompactionEnd"),
      textPart("The context has been compacted."),
      event("StatusUpdate", figures(1, 100_000)),
      event("TurnEnd"),
    ]);
    expect(conversation(workspace)).toEqual([
      { role: "_checkpoint", id: 0 },
      { role: "user", content: "hi" },
      { role: "assistant", content: "hello" },
      { role: "_usage", token_count: 1 },
    ]);
    expect(existsSync(join(sessionDir(workspace), "context_1.jsonl"))).toBe(true);
    expect(payloads((await runTurn(kernel, "on")).messages, "ContentPart")).toEqual([{ type: "text", text: "next" }]);
  });

  it("W-754 /compact with more: one model call, the last two messages stay, the summary comes first", async () => {
    const summary = script(say("SUMMARY"), usage({ input_other: 90, output: 40 }));
    const workspace = createWorkspace({ scripts: [say("one"), say("two"), summary, say("three")] });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "a");
    await runTurn(kernel, "b");
    const turn = await runTurn(kernel, "/compact keep the names");
    expect(types(turn.messages)).toEqual([
      ...["TurnBegin", "CompactionBegin", "CompactionEnd", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(payloads(turn.messages, "StatusUpdate")).toEqual([figures(41, 100_000)]);
    expect(conversation(workspace)).toEqual([
      { role: "_checkpoint", id: 0 },
      {
        role: "user",
        content: [
          { type: "text", text: expect.stringMatching(/^<system>.*<\/system>$/) },
          { type: "text", text: "SUMMARY" },
        ],
      },
      { role: "user", content: "b" },
      { role: "assistant", content: "two" },
      { role: "_usage", token_count: 41 },
    ]);
    expect(contextLines(workspace, "context_1.jsonl").map((line) => line.role)).toEqual([
      ...["_system_prompt", "_checkpoint", "user", "_checkpoint", "assistant"],
      ...["_checkpoint", "user", "_checkpoint", "assistant"],
    ]);
    await runTurn(kernel, "c");
    expect(conversation(workspace).slice(5)).toEqual([
      { role: "_checkpoint", id: 1 },
      { role: "user", content: "c" },
      { role: "_checkpoint", id: 2 },
      { role: "assistant", content: "three" },
    ]);
  });

  it("W-755 /compact that fails: CompactionEnd all the same, TurnEnd, -32003, the conversation as it was", async () => {
    const workspace = createWorkspace({ scripts: [say("one"), say("two"), "error: 400 nope", say("three")] });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "a");
    await runTurn(kernel, "b");
    const before = contextLines(workspace);
    const turn = await runTurn(kernel, "/compact");
    expect(types(turn.messages)).toEqual(["TurnBegin", "CompactionBegin", "CompactionEnd", "TurnEnd"]);
    expect(turn.response.error).toMatchObject({ code: -32003, message: "nope" });
    expect(contextLines(workspace)).toEqual(before);
    expect(readdirSync(sessionDir(workspace))).not.toContain("context_1.jsonl");
    expect((await runTurn(kernel, "c")).response.result).toEqual({ status: "finished" });
  });

  it("W-756 an unknown command says its name and asks no model", async () => {
    const kernel = startKernel(createWorkspace());
    expect((await runTurn(kernel, "/unknowncmd foo")).messages).toEqual([
      event("TurnBegin", { user_input: "/unknowncmd foo" }),
      textPart('Unknown slash command "/unknowncmd".'),
      event("TurnEnd"),
    ]);
  });

  it("W-757 what is a command: paths, a lone slash and text before it are prompts; blanks around and parts are not", async () => {
    const prompts = ["/a/b", "/ x", "hello /clear", "/path.txt"];
    const kernel = startKernel(createWorkspace({ scripts: prompts.map(() => say("asked")) }));
    for (const input of prompts) {
      const turn = await runTurn(kernel, input);
      expect(types(turn.messages), input).toContain("StepBegin");
    }
    const commands: unknown[] = ["  /clear \n", [{ type: "text", text: "/clear" }], "/clear now", "/no:such:thing"];
    for (const input of commands) {
      const turn = await runTurn(kernel, input);
      expect(types(turn.messages), JSON.stringify(input)).not.toContain("StepBegin");
      expect(turn.messages[0]).toEqual(event("TurnBegin", { user_input: input }));
    }
  });

  it("W-758 /init: steps without a nested turn, in a throw-away conversation; the real one learns the outcome", async () => {
    const write = call("t1", "WriteFile", { path: "AGENTS.md", content: "# Rules\n" });
    const workspace = createWorkspace({ scripts: [write, say("init done"), say("next")] });
    const kernel = startKernel(workspace, { args: ["--yolo"] });
    const turn = await runTurn(kernel, "/init");
    expect(types(turn.messages)).toEqual([
      ...["TurnBegin", "StepBegin", "ToolCall", "StatusUpdate", "ToolResult"],
      ...["StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(turn.messages[0]).toEqual(event("TurnBegin", { user_input: "/init" }));
    expect(readFileSync(join(workspace.workDir, "AGENTS.md"), "utf8")).toBe("# Rules\n");
    expect(conversation(workspace)).toEqual([
      { role: "user", content: expect.stringMatching(/^<system>[\s\S]*# Rules\n[\s\S]*<\/system>$/) },
    ]);
    await runTurn(kernel, "hi");
    expect(conversation(workspace).slice(1)).toEqual([
      { role: "_checkpoint", id: 0 },
      { role: "user", content: "hi" },
      { role: "_checkpoint", id: 1 },
      { role: "assistant", content: "next" },
    ]);
  });

  it("W-759 commands work without a model", async () => {
    const workspace = createWorkspace();
    const kernel = startKernel(workspace, { args: ["--model", "nope"] });
    const cleared = await runTurn(kernel, "/clear");
    expect(cleared.messages.slice(1)).toEqual([
      textPart("The context has been cleared."),
      event("StatusUpdate", figures(0, 0)),
      event("TurnEnd"),
    ]);
    expect(cleared.response.result).toEqual({ status: "finished" });
    expect((await runTurn(kernel, "/compact")).messages[1]).toEqual(textPart("The context is empty."));
    expect((await runTurn(kernel, "/yolo")).response.result).toEqual({ status: "finished" });
  });

  it("W-760 initialize lists the commands with aliases", async () => {
    const answer = await startKernel(createWorkspace()).initialize();
    const commands = answer.result?.slash_commands as { name: string; description: string; aliases: string[] }[];
    const byName = new Map(commands.map((command) => [command.name, command]));
    for (const name of ["init", "compact", "clear", "yolo"]) {
      expect(byName.get(name), name).toMatchObject({ description: expect.any(String), aliases: expect.any(Array) });
    }
    expect(byName.get("clear")?.aliases).toContain("reset");
  });
});

describe("automatic compaction", () => {
  const toolStep = script(say("two"), call("t1", "SetTodoList", { todos: [] }), count(96_000));

  it("W-771 StepBegin, CompactionBegin, CompactionEnd, then the step goes on; the context file is rotated", async () => {
    const scripts = [
      script(say("one"), count(100)),
      toolStep,
      script(say("SUM"), usage({ input_other: 5, output: 50 })),
      script(say("three"), count(700)),
    ];
    const workspace = createWorkspace({ scripts });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "a");
    const turn = await runTurn(kernel, "b");
    expect(types(turn.messages)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ToolCall", "StatusUpdate", "ToolResult"],
      ...["StepBegin", "CompactionBegin", "CompactionEnd", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(payloads(turn.messages, "StatusUpdate")[1]).toMatchObject({ context_tokens: 700, context_usage: 0.007 });
    const lines = conversation(workspace);
    expect(lines.map((line) => line.role)).toEqual([
      ...["_checkpoint", "user", "user", "assistant", "tool", "_usage"],
      ...["_checkpoint", "_usage", "assistant", "_usage"],
    ]);
    expect(lines[1]?.content).toContainEqual({ type: "text", text: "SUM" });
    expect(lines[2]).toEqual({ role: "user", content: "b" });
    expect(lines.slice(6)).toEqual([
      { role: "_checkpoint", id: 1 },
      { role: "_usage", token_count: 700 },
      { role: "assistant", content: "three" },
      { role: "_usage", token_count: 710 },
    ]);
    expect(contextLines(workspace, "context_1.jsonl").map((line) => line.role)).toEqual([
      ...["_system_prompt", "_checkpoint", "user", "_checkpoint", "_usage", "assistant", "_usage"],
      ...["_checkpoint", "user", "_checkpoint", "_usage", "assistant", "_usage", "tool"],
    ]);
  });

  it("W-772 when it fails: CompactionEnd, StepInterrupted, TurnEnd, the error, and the conversation as it was", async () => {
    const workspace = createWorkspace({ scripts: [say("one"), toolStep, "error: 400 nope"] });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "a");
    const turn = await runTurn(kernel, "b");
    expect(types(turn.messages).slice(6)).toEqual([
      ...["StepBegin", "CompactionBegin", "CompactionEnd", "StepInterrupted", "TurnEnd"],
    ]);
    expect(turn.response.error).toMatchObject({ code: -32003, message: "nope" });
    expect(conversation(workspace).at(-1)).toMatchObject({ role: "tool", tool_call_id: "t1" });
    expect(readdirSync(sessionDir(workspace))).not.toContain("context_1.jsonl");
  });

  it("W-773 the reserve is a share of a small window: 32k does not compact at 60 percent", async () => {
    const scripts = [script(say("one"), count(19_000)), script(say("two"), count(20_000))];
    const kernel = startKernel(createWorkspace({ scripts, maxContextSize: 32_768 }));
    await runTurn(kernel, "a");
    const turn = await runTurn(kernel, "b");
    expect(turn.messages.slice(0, 3)).toEqual([
      event("TurnBegin", { user_input: "b" }),
      event("StepBegin", { n: 1 }),
      textPart("two"),
    ]);
  });
});
