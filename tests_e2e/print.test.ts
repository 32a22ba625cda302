/** `kernel -p`: the formats, where the prompt comes from, who approves, and how it ends. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell, usage } from "./echo-scripts.js";
import { runHost, startHost } from "./host-process.js";
import { until, untilNoneLeft } from "./process-scan.js";
import { createWorkspace, setScripts } from "./workspace.js";

const TOOL_TURN = [
  script(say("I look"), shell("t1", "echo hi"), usage({ input_other: 10, output: 2 })),
  script(say("All "), say("done"), usage({ input_other: 5, input_cache_read: 7, output: 3 })),
];
const parse = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const UUID = /^[0-9a-f-]{36}$/;
const NOBODY =
  "No one is there to approve this; it was refused by the policy of this run. The user can run again with --approve edits, --approve all or --yolo.";

describe("formats", () => {
  it("G-001 text: the model's words on stdout with a final newline, what the tools do on stderr", async () => {
    const { code, stdout, stderr } = await runHost(createWorkspace({ scripts: TOOL_TURN }), ["-p", "go", "--yolo"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "I look\nAll done\n" });
    expect(stderr).toContain("→ Shell echo hi\n✓ Shell: Command executed successfully.\n  hi\n");
  });

  it("G-002 json: one object with the last words, the steps and the sum of tokens", async () => {
    const workspace = createWorkspace({ scripts: TOOL_TURN });
    const { code, stdout } = await runHost(workspace, ["-p", "go", "--yolo", "--output-format", "json"]);
    expect(code).toBe(0);
    const objects = parse(stdout);
    expect(objects).toEqual([
      expect.objectContaining({
        session_id: expect.stringMatching(UUID),
        status: "finished",
        text: "All done",
        steps: 2,
        usage: { input_other: 15, output: 5, input_cache_read: 7, input_cache_creation: 0 },
        unknown_effects: [],
        error: null,
      }),
    ]);
  });

  it("G-003 stream-json: one message a line, as soon as it is whole", async () => {
    const workspace = createWorkspace({ scripts: TOOL_TURN });
    const { stdout } = await runHost(workspace, ["-p", "go", "--yolo", "--output-format=stream-json"]);
    const args = JSON.stringify({ command: "echo hi" });
    const output = [
      { type: "text", text: "<system>Command executed successfully.</system>" },
      { type: "text", text: "hi\n" },
    ];
    expect(parse(stdout)).toEqual([
      { role: "user", content: "go" },
      {
        role: "assistant",
        content: "I look",
        tool_calls: [{ type: "function", id: "t1", function: { name: "Shell", arguments: args } }],
      },
      { role: "tool", content: output, tool_call_id: "t1" },
      { role: "assistant", content: "All done" },
    ]);
  });

  it("G-004 wire: every event and request as a whole envelope, in order, with no field of an extension", async () => {
    const workspace = createWorkspace({ scripts: TOOL_TURN });
    const args = ["-p", "go", "--approve", "all", "--output-format", "wire"];
    const lines = parse((await runHost(workspace, args)).stdout);
    const types = lines.map((line) => (line.params as { type: string }).type);
    expect(types).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ToolCall", "StatusUpdate", "ApprovalRequest", "ApprovalResponse"],
      ...["ToolResult", "StepBegin", "ContentPart", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    for (const line of lines) {
      const params = line.params as { payload: { id?: string } };
      expect(Object.keys(params).sort()).toEqual(["payload", "type"]);
      if (line.method === "request") expect(line.id).toBe(params.payload.id);
      else expect(Object.keys(line)).toEqual(["jsonrpc", "method", "params"]);
    }
  });

  it("G-005 --final-message-only gives the last message alone, --quiet says nothing beside it", async () => {
    const run = (...args: string[]) =>
      runHost(createWorkspace({ scripts: TOOL_TURN }), ["--yolo", ...args, "-p", "go"]);
    const final = await run("--final-message-only");
    expect(final.stdout).toBe("All done\n");
    expect(final.stderr).toContain("→ Shell");
    expect(await run("--quiet")).toEqual({ code: 0, stdout: "All done\n", stderr: "" });
    const line = await run("--final-message-only", "--output-format", "stream-json");
    expect(parse(line.stdout)).toEqual([{ role: "assistant", content: "All done" }]);
  });
});

describe("the prompt", () => {
  const prompted = async (args: readonly string[], input: string) => {
    const { code, stdout } = await runHost(
      createWorkspace({ scripts: [say("ok")] }),
      [...args, "--output-format", "stream-json"],
      { input },
    );
    return { code, first: parse(stdout)[0] };
  };

  it.each<readonly [args: readonly string[]]>([[["-p"]], [["-p", "-"]], [["--print"]], [["--prompt", "-"]]])(
    "G-010 %j reads stdin, without its last line end",
    async (args) => {
      const content = "first line\nsecond line";
      expect(await prompted(args, `${content}\n`)).toEqual({ code: 0, first: { role: "user", content } });
    },
  );

  it("G-011 a prompt that was given leaves stdin alone", async () => {
    expect(await prompted(["-p", "--- given"], "from stdin")).toEqual({
      code: 0,
      first: { role: "user", content: "--- given" },
    });
  });

  it.each<readonly [args: readonly string[], words: string]>([
    [["-p", ""], "The prompt is empty."],
    [["-p", " \n"], "The prompt is empty."],
    [["--print"], "The prompt is empty."],
    [["-p", "x", "--output-format", "xml"], "Invalid value for --output-format"],
    [["-p", "x", "--modle", "m"], "No such option: --modle. Did you mean --model?"],
    [["-p", "two", "words"], "No such command 'words'. A prompt goes behind -p, in quotes"],
    [["-p", "x", "--approve", "maybe"], "Invalid value for --approve"],
    [["-p", "x", "--kernel", "cloud"], "Invalid value for --kernel"],
    [["-p", "x", "--input-format", "stream-json"], "--input-format stream-json is not part of this version"],
    [["-p", "x", "--final-message-only", "--output-format", "wire"], "--final-message-only does not go with"],
    [["-p", "x", "--continue"], "No previous session found for the working directory"],
    [["-p", "x", "--session"], "--session without a session ID is only supported for shell UI"],
    [["-p", "x", "--model", "a", "--config", "{"], "Cannot combine --config, --config-file."],
  ])("G-012 %j: exit 2, one sentence, nothing on stdout", async (args, words) => {
    const result = await runHost(createWorkspace(), args);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 2, stdout: "" });
    expect(result.stderr).toContain(words);
    expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

describe("approvals", () => {
  const calls = [call("t1", "WriteFile", { path: "in.txt", content: "in" }), shell("t2", "echo x > shell.txt")];
  const edits = [script(...calls), say("end")];
  const run = async (...args: string[]) => {
    const workspace = createWorkspace();
    const outside = join(workspace.home, "out.txt");
    setScripts(workspace, [script(...calls, call("t3", "WriteFile", { path: outside, content: "out" })), say("end")]);
    const { code, stdout } = await runHost(workspace, ["-p", "go", "--output-format", "stream-json", ...args]);
    const tools = parse(stdout).flatMap((line) => (line.role === "tool" ? [JSON.stringify(line.content)] : []));
    const made = ["in.txt", "shell.txt", outside].filter((name) => existsSync(resolve(workspace.workDir, name)));
    return {
      code,
      made: made.map((name) => basename(name)),
      refused: tools.filter((text) => text.includes(NOBODY)).length,
    };
  };

  it("G-020 by default nothing is approved, the model reads why, and the turn goes on", async () => {
    expect(await run()).toEqual({ code: 0, made: [], refused: 3 });
    expect(await run("--approve", "deny")).toEqual({ code: 0, made: [], refused: 3 });
  });

  it("G-021 --approve edits allows edits in the work folder and nothing else", async () => {
    expect(await run("--approve", "edits")).toEqual({ code: 0, made: ["in.txt"], refused: 2 });
  });

  it("G-022 --approve all and --yolo allow everything", async () => {
    const all = { code: 0, made: ["in.txt", "shell.txt", "out.txt"], refused: 0 };
    expect(await run("--approve", "all")).toEqual(all);
    expect(await run("--yolo")).toEqual(all);
  });

  it("G-023 what is refused is named on stderr", async () => {
    const { stderr } = await runHost(createWorkspace({ scripts: edits }), ["-p", "go"]);
    expect(stderr).toContain("Not allowed: Run command `echo x > shell.txt` (see --approve)\n");
  });
});

describe("the end", () => {
  it("G-030 a failed turn: exit 1, the reason on stderr, and in the object", async () => {
    const { code, stdout, stderr } = await runHost(createWorkspace(), ["-p", "go", "--output-format", "json"]);
    expect(code).toBe(1);
    expect(stderr).toContain("The turn failed: ");
    expect(parse(stdout)[0]).toMatchObject({
      status: "failed",
      text: "",
      error: { code: expect.any(String), message: expect.stringContaining("exhausted") },
    });
  });

  it("G-031 out of steps: exit 1 and the status says so", async () => {
    const scripts = [shell("t1", "true"), shell("t2", "true")];
    const args = ["-p", "go", "--yolo", "--max-steps-per-turn", "1", "--output-format", "json"];
    const { code, stdout, stderr } = await runHost(createWorkspace({ scripts }), args);
    expect({ code, status: parse(stdout)[0]?.status }).toEqual({ code: 1, status: "max_steps_reached" });
    expect(stderr).toContain("The turn used up its 1 steps");
  });

  it("G-032 a kernel that refuses the configuration: its own words, exit 2, and the object says failed", async () => {
    const args = ["-p", "go", "--config", "{bad", "--output-format", "json"];
    const { code, stdout, stderr } = await runHost(createWorkspace(), args, { bare: true });
    expect(code).toBe(2);
    expect(stderr).toContain("Invalid configuration text: ");
    expect(parse(stdout)[0]).toMatchObject({ status: "failed", error: { code: "refused" } });
  });

  it("G-038 without a model the sentence says what to do", async () => {
    const { code, stderr } = await runHost(createWorkspace(), ["-p", "go"], { bare: true });
    expect(code).toBe(1);
    expect(stderr).toContain("The turn failed: LLM is not set. Name a model in config.toml");
  });

  it("G-039 a model server that is not there: what failed and what comes next, and no word of what was said", async () => {
    const workspace = createWorkspace();
    const config = `default_model = "m"
      [models.m]
      provider = "p"
      model = "m"
      max_context_size = 1000
      [providers.p]
      type = "openai_legacy"
      base_url = "http://127.0.0.1:9/v1"
      api_key = ""`;
    const args = ["-p", "go", "--config", config, "--max-retries-per-step", "2"];
    const { code, stdout, stderr } = await runHost(workspace, args, { bare: true });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^The model did not answer; attempt 2 of 2 in 1 s\.\nThe turn failed: No connection to http:\/\/127.0.0.1:9: /,
    );
  });

  it("G-033 Ctrl-C stops the turn and its tools: status cancelled, exit 130, nothing is left", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "touch began; sleep 60")] });
    const mark = `print-${workspace.workDir}`;
    const args = ["-p", "go", "--yolo", "--output-format", "json"];
    const host = startHost(workspace, args, { env: { E2E_MARK: mark }, input: "" });
    await until("the tool runs", () => existsSync(join(workspace.workDir, "began")));
    host.child.kill("SIGINT");
    expect(await host.exit()).toEqual({ code: 130, signal: null });
    expect(parse(host.stdout)[0]).toMatchObject({ status: "cancelled", error: null });
    await untilNoneLeft(mark);
  });

  it("G-034 SIGTERM does the same with 143", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "touch began; sleep 60")] });
    const host = startHost(workspace, ["-p", "go", "--yolo"], { input: "" });
    await until("the tool runs", () => existsSync(join(workspace.workDir, "began")));
    host.child.kill("SIGTERM");
    expect(await host.exit()).toEqual({ code: 143, signal: null });
  });

  it("G-035 Ctrl-C while the prompt is still being read ends at once", async () => {
    const host = startHost(createWorkspace(), ["-p", "-"]);
    // SIGHUP is the last that it listens to, and Node itself leaves it alone: the lowest bit.
    const status = () => readFileSync(`/proc/${host.child.pid}/status`, "utf8");
    await until("it hears signals", () => /^SigCgt:\s*[0-9a-f]*[13579bdf]$/m.test(status()));
    host.child.kill("SIGINT");
    expect(await host.exit()).toEqual({ code: 130, signal: null });
  });

  it("G-036 a reader that goes away ends the turn quietly at the next line, and nothing is left", async () => {
    const held = shell("t1", "touch began; until [ -e go ]; do sleep 0.05; done");
    const lines = Array.from({ length: 50 }, (_, i) => say(`line ${i}\n`));
    const workspace = createWorkspace({ scripts: [held, script(...lines, shell("t2", "sleep 60"))] });
    const mark = `pipe-${workspace.workDir}`;
    const host = startHost(workspace, ["-p", "go", "--yolo", "--output-format", "wire"], {
      env: { E2E_MARK: mark },
      input: "",
    });
    await until("the tool runs", () => existsSync(join(workspace.workDir, "began")));
    host.child.stdout.destroy();
    writeFileSync(join(workspace.workDir, "go"), "");
    expect((await host.exit(15_000)).code).toBe(141);
    expect(host.stderr).not.toMatch(/EPIPE|^\s+at /m);
    await untilNoneLeft(mark);
  });

  it("G-037 --session and --continue go on with the conversation", async () => {
    const workspace = createWorkspace({ scripts: [say("one")] });
    const first = await runHost(workspace, ["-p", "first", "--output-format", "json"]);
    const { session_id: session } = parse(first.stdout)[0] as { session_id: string };
    for (const args of [["--session", session], ["--continue"]]) {
      setScripts(workspace, [say("more")]);
      const next = await runHost(workspace, ["-p", "again", "--output-format", "json", ...args]);
      expect(parse(next.stdout)[0]).toMatchObject({ session_id: session, text: "more" });
    }
  });
});
