/** Agents: files that extend and narrow the default one, what is wrong with them, okabe, and the project's AGENTS.md. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { failure, toolResult } from "./expected-events.js";
import { startKernel } from "./kernel-process.js";
import { callReply, startModelServer, textReply } from "./model-server.js";
import { contextLines, conversation, sessionDir, sessionIds } from "./session-records.js";
import { put } from "./skill-files.js";
import { payloads, runTurn, text, types } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

/** Placeholders of a system prompt, written with angle brackets here. */
const template = (text: string) => text.replace(/<(\w+)>/g, (_, name: string) => `$\{${name}}`);
const RULES = "x".repeat(50);

function agentFile(workspace: Workspace, body: string, name = "agent.yaml"): string {
  return put(join(workspace.home, "agents", name), `version: 1\nagent:\n${body.replace(/^/gm, "  ")}\n`);
}

async function withModel(agent: string, replies = [textReply("ok")], files: Record<string, string> = {}) {
  const server = await startModelServer(replies);
  const workspace = createWorkspace({ config: server.config() });
  for (const [name, content] of Object.entries(files)) put(join(workspace.home, "agents", name), content);
  const kernel = startKernel(workspace, { args: ["--agent-file", agentFile(workspace, agent)] });
  return { server, workspace, kernel };
}

describe("agent files", () => {
  it("S-301 extend default and exclude_tools: the tool is not listed, and a call finds none", async () => {
    const agent = "extend: default\nname: careful\nexclude_tools: ['kimi_cli.tools.shell:Shell']";
    const { server, kernel } = await withModel(agent, [callReply("t1", "Shell", { command: "ls" }), textReply("ok")]);
    const turn = await runTurn(kernel, "go");
    const tools = server.requests[0]?.body.tools?.map((tool) => tool.function.name) ?? [];
    expect(tools).toContain("ReadFile");
    expect(tools).not.toContain("Shell");
    expect(payloads(turn.messages, "ToolResult")).toEqual([
      toolResult("t1", failure("Tool `Shell` not found", "Tool `Shell` not found")).params?.payload,
    ]);
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("S-302 a system prompt of its own, with facts of the session and arguments; the role goes behind the default text", async () => {
    const agent =
      "name: own\nsystem_prompt_path: ./prompt.md\nsystem_prompt_args: {WHO: Ada, N: 3}\ntools: ['kimi_cli.tools.file:ReadFile']";
    const prompt = template("I am <WHO> in <KIMI_WORK_DIR> x<N> on <DATE>. $<WHO> [<ROLE_ADDITIONAL>] <AGENTS_MD>");
    const { server, workspace, kernel } = await withModel(agent, undefined, { "prompt.md": prompt });
    writeFileSync(join(workspace.workDir, "AGENTS.md"), "Be kind.\n");
    await runTurn(kernel, "go");
    const { messages = [] } = server.requests[0]?.body ?? {};
    const day = /\d{4}-\d\d-\d\d/.exec(String(messages[0]?.content))?.[0];
    expect(messages[0]?.content).toBe(
      `I am Ada in ${workspace.workDir} x3 on ${day}. ${template("<WHO>")} [] Be kind.`,
    );
    expect(contextLines(workspace)[0]).toEqual({ role: "_system_prompt", content: messages[0]?.content });

    const role = await withModel("extend: default\nname: r\nsystem_prompt_args: {ROLE_ADDITIONAL: You only review.}");
    await runTurn(role.kernel, "go");
    const system = String(role.server.requests[0]?.body.messages[0]?.content);
    expect(system).toContain(role.workspace.workDir);
    expect(system).toContain("You only review.");
  });

  it("S-303 a list of tools is all there is; what the default loadout does not list can be listed; allowed_tools narrows", async () => {
    const agent =
      "extend: default\nname: few\ntools: ['kimi_cli.tools.think:Think', 'kimi_cli.tools.file:Grep', 'Glob', 'kimi_cli.tools.shell:Shell']\nallowed_tools: [Think, Grep, Glob]";
    const { server, kernel } = await withModel(agent, [callReply("t1", "ReadFile", { path: "x" }), textReply("ok")]);
    const turn = await runTurn(kernel, "go");
    expect(server.requests[0]?.body.tools?.map((tool) => tool.function.name)).toEqual(["Glob", "Grep", "Think"]);
    expect(payloads(turn.messages, "ToolResult")[0]).toMatchObject({ return_value: { is_error: true } });
  });

  it("S-304 a file extends a file: the nearer one wins, arguments add up, paths are those of the file that has them", async () => {
    const base =
      "version: 1\nagent:\n  name: base\n  system_prompt_path: text.md\n  system_prompt_args: {A: a, B: b}\n  tools: [ReadFile, Shell]\n";
    const files = { "base/agent.yaml": base, "base/text.md": template("<A><B>") };
    const agent = "extend: base/agent.yaml\nsystem_prompt_args: {B: c}\nexclude_tools: [Shell]";
    const { server, kernel } = await withModel(agent, undefined, files);
    await runTurn(kernel, "go");
    expect(server.requests[0]?.body.messages[0]?.content).toBe("ac");
    expect(server.requests[0]?.body.tools?.map((tool) => tool.function.name)).toEqual(["ReadFile"]);
  });

  it("S-305 a mistake in a file is a usage error at the start: one sentence on stderr, exit 2, nothing on stdout", async () => {
    const valid = "name: x\nsystem_prompt_path: p.md\ntools: []";
    const cases: [string, RegExp][] = [
      ["extend: default\ntools: ['kimi_cli.tools.nope:Nope']", /unknown tool: kimi_cli\.tools\.nope:Nope/],
      ["extend: default\nexclude_tools: ['kimi_cli.tools.shell:ReadFile']", /exclude_tools names an unknown tool/],
      ["extend: default\nallowed_tools: [shell]", /unknown tool: shell/],
      ["extend: agent.yaml", /circle: .*agent\.yaml -> .*agent\.yaml/],
      ["extend: other.yaml", /circle: .*other\.yaml/],
      ["extend: missing.yaml", /missing\.yaml: it does not exist/],
      ["system_prompt_path: p.md\ntools: []", /agent\.name is missing/],
      ["name: x\nsystem_prompt_path: p.md", /agent\.tools is missing/],
      [valid.replace("p.md", "nope.md"), /nope\.md does not exist/],
      [valid.replace("p.md", "bad.md"), /unknown variable: NO_SUCH/],
      ["name: [", /not valid YAML/],
      ["extend: 5", /agent\.extend has the wrong type/],
      ["extend: default\nmodel: nope", /model nope is not configured/],
      ["extend: default\nsubagents: {a: {path: missing.yaml}}", /missing\.yaml: it does not exist/],
      ["extend: default\nsubagents: {a: {path: worker.yaml}}", /worker\.yaml: .*unknown tool: Nope/],
    ];
    for (const [body, sentence] of cases) {
      const workspace = createWorkspace();
      put(join(workspace.home, "agents/p.md"), "text");
      put(join(workspace.home, "agents/bad.md"), template("<NO_SUCH>"));
      agentFile(workspace, "extend: agent.yaml", "other.yaml");
      agentFile(workspace, "extend: default\ntools: [Nope]", "worker.yaml");
      const kernel = startKernel(workspace, { args: ["--agent-file", agentFile(workspace, body)] });
      expect(await kernel.exit(), body).toEqual({ code: 2, signal: null });
      expect(kernel.stderr).toMatch(/^Invalid agent file \/.*\.$/m);
      expect(kernel.stderr).toMatch(sentence);
      expect([...kernel.log, ...kernel.noise]).toEqual([]);
    }
    const workspace = createWorkspace();
    const file = put(join(workspace.home, "v2.yaml"), "version: 2\nagent: {extend: default}\n");
    const kernel = startKernel(workspace, { args: ["--agent-file", file] });
    expect((await kernel.exit()).code).toBe(2);
    expect(kernel.stderr).toContain("version 2 is not known");
  });

  it("S-306 the agent's model is used, and --model is stronger", async () => {
    const [own, other] = [await startModelServer([textReply("own")]), await startModelServer([textReply("other")])];
    const config = own.config() as { models: Record<string, unknown>; providers: Record<string, unknown> };
    const second = other.config() as typeof config;
    const workspace = createWorkspace({
      config: {
        ...config,
        models: { ...config.models, second: { provider: "two", model: "m2", max_context_size: 100_000 } },
        providers: { ...config.providers, two: second.providers.fake },
      },
    });
    const args = ["--agent-file", agentFile(workspace, "extend: default\nname: x\nmodel: second")];
    expect(text((await runTurn(startKernel(workspace, { args }), "go")).messages)).toBe("other");
    const chosen = startKernel(workspace, { args: [...args, "--model", "fake"] });
    expect(text((await runTurn(chosen, "go")).messages)).toBe("own");
  });
});

describe("subagents", () => {
  it("S-307 a file's own subagent can be started: its text, its tools, beside the types that are always there", async () => {
    const worker =
      "version: 1\nagent:\n  name: w\n  system_prompt_path: w.md\n  tools: [ReadFile]\n  when_to_use: Reads\n";
    const agent = "extend: default\nname: x\nsubagents: {reader: {path: worker.yaml}}";
    const task = { description: "d", prompt: "p", subagent_type: "reader" };
    const replies = [callReply("t1", "Agent", task), textReply("r".repeat(250)), textReply("ok")];
    const { server, kernel } = await withModel(agent, replies, { "worker.yaml": worker, "w.md": "I only read." });
    const turn = await runTurn(kernel, "go");
    const [outer, inner] = server.requests.map(({ body }) => body);
    expect(JSON.stringify(outer?.tools)).toMatch(/reader/);
    expect(inner?.messages[0]?.content).toBe("I only read.");
    expect(inner?.tools?.map((tool) => tool.function.name)).toEqual(["ReadFile"]);
    expect(payloads(turn.messages, "SubagentEvent")[0]).toMatchObject({ subagent_type: "reader" });
  });

  it("S-308 what an agent file takes away its subagents of the usual types do not have either", async () => {
    const agent = "extend: default\nname: x\nexclude_tools: [Shell]";
    const replies = [
      callReply("t1", "Agent", { description: "d", prompt: "p", subagent_type: "coder" }),
      callReply("s1", "Shell", { command: "touch x" }),
      textReply("r".repeat(250)),
      textReply("ok"),
    ];
    const { server, kernel, workspace } = await withModel(agent, replies);
    await runTurn(kernel, "go", (request) => kernel.approve(request));
    expect(JSON.stringify(server.requests[1]?.body.tools)).not.toContain('"Shell"');
    expect(server.requests[2]?.body.messages.at(-1)?.content).toContain("Tool `Shell` not found");
    expect(existsSync(join(workspace.workDir, "x"))).toBe(false);
  });
});

describe("okabe", () => {
  const mail = (id: string, checkpoint_id: number) => call(id, "SendDMail", { checkpoint_id, message: "skip the log" });
  const notes = (workspace: Workspace) =>
    conversation(workspace).map(({ role, content, id }) =>
      role === "_checkpoint" ? id : `${role}: ${String(content)}`,
    );

  it("S-311 is told of checkpoints, and SendDMail brings the conversation back to one, with the message", async () => {
    const scripts = [script(say("look"), call("t1", "SetTodoList", { todos: [] })), mail("t2", 1), say("done")];
    const workspace = createWorkspace({ scripts });
    const turn = await runTurn(startKernel(workspace, { args: ["--agent", "okabe"] }), "go");
    expect(types(turn.messages)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ToolCall", "StatusUpdate", "ToolResult"],
      ...["StepBegin", "ToolCall", "StatusUpdate", "ToolResult", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(payloads(turn.messages, "ToolResult")[1]).toMatchObject({ return_value: { is_error: false } });
    expect(notes(workspace)).toEqual([
      ...[0, "user: <system>CHECKPOINT 0</system>", "user: go", "_usage: undefined"],
      ...[1, "user: <system>CHECKPOINT 1</system>", expect.stringMatching(/^user: [\s\S]*skip the log$/)],
      ...[2, "user: <system>CHECKPOINT 2</system>", "assistant: done"],
    ]);
    expect(existsSync(join(sessionDir(workspace), "context_1.jsonl"))).toBe(true);
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("S-312 an unknown checkpoint and a second message are errors; the loop goes on", async () => {
    const scripts = [script(mail("t1", 9), mail("t2", 0), mail("t3", 1)), say("done")];
    const turn = await runTurn(startKernel(createWorkspace({ scripts }), { args: ["--agent", "okabe"] }), "go");
    const outcomes = payloads(turn.messages, "ToolResult").map((result) => {
      return (result.return_value as { is_error: boolean }).is_error;
    });
    expect(outcomes.filter(Boolean).length).toBe(2);
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("S-313 it has no effect when another call of the step was rejected; after a restart it still works", async () => {
    const scripts = [script(mail("t1", 0), shell("t2", "touch x"))];
    const workspace = createWorkspace({ scripts });
    const kernel = startKernel(workspace, { args: ["--agent", "okabe"] });
    await runTurn(kernel, "go", (request) => kernel.approve(request, "reject"));
    expect(existsSync(join(sessionDir(workspace), "context_1.jsonl"))).toBe(false);
    await kernel.close();
    writeFileSync(join(workspace.home, "..", "scripts.json"), JSON.stringify([mail("t3", 1), say("back")]));
    const args = ["--agent", "okabe", "--session", sessionIds(workspace)[0] ?? ""];
    const turn = await runTurn(startKernel(workspace, { args }), "again");
    expect(text(turn.messages)).toBe("back");
    expect(notes(workspace).slice(0, 3)).toEqual([0, "user: <system>CHECKPOINT 0</system>", "user: go"]);
    expect(notes(workspace)).not.toContain("user: again");
  });

  it("S-314 another agent cannot send one, and is told of no checkpoint", async () => {
    const workspace = createWorkspace({ scripts: [mail("t1", 0), say("done")] });
    const turn = await runTurn(startKernel(workspace), "go");
    expect(payloads(turn.messages, "ToolResult")[0]).toMatchObject({ return_value: { is_error: true } });
    expect(JSON.stringify(conversation(workspace))).not.toContain("CHECKPOINT");
  });
});

describe("AGENTS.md", () => {
  it("S-321 is part of the system text from the session's start on, whatever becomes of the file", async () => {
    const workspace = createWorkspace({ scripts: [say("1")] });
    const file = put(join(workspace.workDir, "AGENTS.md"), "# Rules\nRun make check.\n");
    const kernel = startKernel(workspace);
    await runTurn(kernel, "go");
    const system = contextLines(workspace)[0];
    expect(system?.content).toMatch(/# Rules\nRun make check\.$/);
    await kernel.close();
    writeFileSync(file, "Other.");
    writeFileSync(join(workspace.home, "..", "scripts.json"), JSON.stringify([say("2")]));
    const next = startKernel(workspace, { args: ["--session", sessionIds(workspace)[0] ?? ""] });
    await runTurn(next, "on");
    expect(contextLines(workspace)[0]).toEqual(system);
  });

  it("S-322 a long one is cut at a line, and the cut is said", async () => {
    const workspace = createWorkspace({ scripts: [say("1")] });
    put(join(workspace.workDir, "AGENTS.md"), `${RULES}\n`.repeat(1000));
    await runTurn(startKernel(workspace), "go");
    const content = String(contextLines(workspace)[0]?.content);
    const kept = content.split("\n").filter((line) => line === RULES).length;
    expect(kept).toBeGreaterThan(10);
    expect(kept).toBeLessThan(30);
    expect(content).toMatch(/\[AGENTS\.md goes on; .*\]$/);
  });
});
