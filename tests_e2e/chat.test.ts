/** `kernel chat`: a conversation by lines, scripted on a pipe and typed on a terminal. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { hasTerminal, runHost, startHost } from "./host-process.js";
import { writePlan } from "./plan-session.js";
import { until, untilNoneLeft } from "./process-scan.js";
import { jsonLines, onlySession } from "./session-files.js";
import { createWorkspace, setScripts, type Workspace } from "./workspace.js";

const ESC = "\u001b";
const ALLOW = "n = no, or say what to do instead:";
const chat = (workspace: Workspace, input: string, ...args: string[]) =>
  runHost(workspace, ["chat", ...args], { input });
const has = (workspace: Workspace, name: string) => existsSync(join(workspace.workDir, name));

describe("on a pipe", () => {
  it("T-001 a turn with an approval: what is asked, what ran, and how to come back", async () => {
    const workspace = createWorkspace({ scripts: [script(say("I look"), shell("t1", "echo hi")), say("All done")] });
    const { code, stdout, stderr } = await chat(workspace, "go\ny\n");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const session = /session ([0-9a-f-]{36})\./.exec(stdout)?.[1];
    expect(stdout.split("\n").slice(1)).toEqual([
      "I look",
      "→ Shell echo hi",
      "? Shell asks: run command",
      "  Run command `echo hi`",
      expect.stringContaining(ALLOW),
      "✓ Shell: Command executed successfully.",
      "  hi",
      "All done",
      `To resume this session: kernel chat --session ${session}`,
      "",
    ]);
    setScripts(workspace, [say("still here")]);
    const again = await chat(workspace, "go on\n", "--session", String(session));
    expect(again.stdout).toContain(`session ${session}.`);
    expect(again.stdout).toContain("still here\n");
  });

  it("T-310 a prompt ends at its line end and nowhere else, on any Node", async () => {
    const workspace = createWorkspace({ scripts: [say("one"), say("two")] });
    await chat(workspace, "a\u2028b\u2029c\r\n");
    const users = jsonLines(join(onlySession(workspace), "context.jsonl")).filter(({ role }) => role === "user");
    expect(users.map(({ content }) => content)).toEqual(["a\u2028b\u2029c"]);
  });

  it("T-002 a no with a reason reaches the model, a bare no ends the turn", async () => {
    const scripts = [shell("t1", "touch made"), say("other way"), shell("t2", "touch made"), say("never said")];
    const workspace = createWorkspace({ scripts });
    const { stdout } = await chat(workspace, "go\nn use make\nagain\nn\n");
    expect(stdout).toContain("✗ Shell: The tool call is rejected by the user. User feedback: use make\nother way\n");
    expect(stdout).toContain("✗ Shell: The tool call is rejected by the user. Stop what you are doing");
    expect(stdout).not.toContain("never said");
    expect(has(workspace, "made")).toBe(false);
  });

  it("T-003 always: the same program is not asked about again in this session", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "echo 1"), shell("t2", "echo 2"), say("end")] });
    const { stdout } = await chat(workspace, "go\na\n");
    expect(stdout.split(ALLOW)).toHaveLength(2);
    expect(stdout).toContain("  1\n");
    expect(stdout).toContain("  2\nend\n");
  });

  it("T-004 without an answer, and with an empty one, nothing runs", async () => {
    for (const input of ["go\n", "go\n\n"]) {
      const workspace = createWorkspace({ scripts: [shell("t1", "touch made"), say("end")] });
      const { code, stdout } = await chat(workspace, input);
      expect(code).toBe(0);
      expect(stdout).toContain("✗ Shell: The tool call is rejected by the user.");
      expect(has(workspace, "made")).toBe(false);
    }
  });

  it("T-005 hidden characters of a command are shown before it is allowed", async () => {
    const command = `echo a\u200b\u202eb ${ESC}]52;c;eA==\u0007`;
    const { stdout } = await chat(createWorkspace({ scripts: [shell("t1", command), say("end")] }), "go\nn\n");
    expect(stdout).toContain("  Run command `echo a\\u{200b}\\u{202e}b \\x1b]52;c;eA==\\x07`\n");
    expect(stdout).toContain("→ Shell echo a\\u{200b}\\u{202e}b \\u{1b}]52;c;eA==\\u{7}\n");
    expect(stdout).not.toContain(ESC);
  });

  it("T-006 questions: a number, several numbers, and own words", async () => {
    const options = [{ label: "Red", description: "warm" }, { label: "Blue" }];
    const questions = [
      { question: "Which?", header: "Color", options },
      { question: "All of them?", options, multi_select: true },
      { question: "Else?", options },
    ];
    const scripts = [call("t1", "AskUserQuestion", { questions }), say("end")];
    const workspace = createWorkspace({ scripts });
    const { stdout } = await chat(workspace, "go\n2\n1, 2\nnone of it\n");
    expect(stdout).toContain("? [Color] Which?\n  1. Red: warm\n  2. Blue\n");
    const answers = /"answers": (\{.*?\})/.exec(stdout.replaceAll("\n", " "))?.[1];
    expect(JSON.parse(String(answers))).toEqual({
      "Which?": "Blue",
      "All of them?": "Red, Blue",
      "Else?": "none of it",
    });
  });

  it("T-007 /help is ours, other commands are the kernel's, a backslash continues, /exit leaves", async () => {
    const workspace = createWorkspace({ scripts: [say("one"), say("two")] });
    const { code, stdout } = await chat(workspace, "/help\n/yolo\nfirst\\\nsecond\n\n/exit\nnever asked\n");
    expect(code).toBe(0);
    expect(stdout).toContain("  /exit    leave");
    expect(stdout).toContain("  /compact  ");
    expect(stdout).toContain("one\n");
    expect(stdout).not.toContain("two");
    const context = readFileSync(join(onlySession(workspace), "context.jsonl"), "utf8");
    expect(context).toContain('"first\\nsecond"');
  });

  it("T-008 a failed turn is reported and the chat goes on", async () => {
    const { code, stdout } = await chat(createWorkspace({ scripts: [say("one")] }), "a\nb\n/help\n");
    expect(code).toBe(0);
    expect(stdout).toContain("one\nThe turn failed: ");
    expect(stdout).toContain("/exit");
  });

  it("T-009 Ctrl-C stops the turn and not the chat; between turns it leaves", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "touch began; sleep 60"), say("after")] });
    const mark = `chat-${workspace.workDir}`;
    const host = startHost(workspace, ["chat", "--yolo"], { env: { E2E_MARK: mark } });
    host.write("go\n");
    await until("the tool runs", () => has(workspace, "began"));
    host.child.kill("SIGINT");
    await host.see("Stopped.\n");
    host.write("next\n");
    await host.see("after\n");
    host.child.kill("SIGINT");
    expect(await host.exit()).toEqual({ code: 130, signal: null });
    expect(host.stdout).toContain("To resume this session: ");
    await untilNoneLeft(mark);
  });

  it("T-010 a plan is shown before it is asked about", async () => {
    const workspace = createWorkspace({ scripts: [] });
    await chat(workspace, "/plan on\n");
    const file = writePlan(workspace, "# The plan\n1. think\n");
    setScripts(workspace, [call("t1", "ExitPlanMode"), say("end")]);
    const { stdout } = await chat(workspace, "go\n1\n", "--continue");
    expect(stdout).toContain(`Plan (${file}):\n# The plan\n1. think\n`);
    expect(stdout).toContain("  1. Approve");
    expect(stdout).toContain("✓ ExitPlanMode: Plan approved");
  });

  it.each<readonly [args: readonly string[], words: string]>([
    [["chat", "--session"], "Name the session: --session ID"],
    [["chat", "--continue"], "No previous session found for the working directory"],
    [["chat", "--approve", "all"], "--approve is only supported for print UI"],
    [["chat", "--output-format", "json"], "--output-format is only supported for print UI"],
    [["chat", "-p", "x"], "kernel chat takes neither a prompt nor another mode."],
    [["chat", "--config", "{"], "Cannot combine --config, --config-file."],
    [[], "Say what to run: kernel chat, kernel -p PROMPT, or kernel --wire"],
  ])("T-011 %j: exit 2 and a sentence", async (args, words) => {
    const { code, stdout, stderr } = await runHost(createWorkspace(), args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.startsWith(words), stderr).toBe(true);
  });

  it("T-012 a kernel that refuses the configuration: exit 2 and its own words", async () => {
    const { code, stderr } = await runHost(createWorkspace(), ["chat", "--config", "{bad"], { bare: true });
    expect(code).toBe(2);
    expect(stderr).toContain("Invalid configuration text: ");
  });
});

// A terminal is made by util-linux's `script`; without it these have nothing to run on.
describe.runIf(hasTerminal)("on a terminal", () => {
  it("T-020 kernel alone is the chat; colours, a status line while a tool runs, Ctrl-D leaves", async () => {
    const held = shell("t1", "until [ -e go ]; do sleep 0.05; done; echo hi");
    const workspace = createWorkspace({ scripts: [script('think: "hm"', say("I look"), held), say("end")] });
    const host = startHost(workspace, ["--yolo"], { terminal: true });
    await host.see("> ");
    host.write("go\r");
    await host.see(`${ESC}[2mhm`);
    await host.see("I look");
    // Not always 1: a busy machine may be late.
    await until("a status line counts seconds", () => /… Shell [1-9]\d* s/.test(host.stdout));
    writeFileSync(join(workspace.workDir, "go"), "");
    await host.see("end");
    await host.see("> ");
    host.write("\u0004");
    expect((await host.exit()).code).toBe(0);
    expect(host.stdout).toContain("To resume this session: ");
  });

  it("T-021 NO_COLOR: no styles", async () => {
    const options = { terminal: true, env: { NO_COLOR: "1" } };
    const host = startHost(createWorkspace({ scripts: [script('think: "hm"', say("end"))] }), ["chat"], options);
    await host.see("> ");
    host.write("go\r");
    await host.see("end");
    await host.see("> ");
    host.write("\u0004");
    await host.exit();
    expect(host.stdout).toContain("hm");
    expect(host.stdout).not.toMatch(new RegExp(`${ESC}\\[[0-9;]*m`));
  });

  it("T-022 control characters of the model and of tools do not reach the terminal", async () => {
    const evil = `${ESC}]52;c;ZXZpbA==\u0007${ESC}[2J\u009b31m\u202e`;
    const scripts = [script(`text: a${evil}b`, shell("t1", "printf 'x\\033[41my\\rz\\n'")), say("end")];
    const host = startHost(createWorkspace({ scripts }), ["chat", "--yolo"], { terminal: true });
    await host.see("> ");
    host.write("go\r");
    await host.see("end");
    await host.see("> ");
    host.write("\u0004");
    await host.exit();
    expect(host.stdout).toContain("a\\u{1b}]52;c;ZXZpbA==\\u{7}\\u{1b}[2J\\u{9b}31m\\u{202e}b");
    expect(host.stdout).toContain("x\\u{1b}[41my\\rz");
    for (const bad of [`${ESC}]`, `${ESC}[2J`, `${ESC}[41m`, "\u009b", "\u202e", "\u0007"]) {
      expect(host.stdout).not.toContain(bad);
    }
  });

  it("T-023 what is typed while a turn runs is given to it", async () => {
    const workspace = createWorkspace({
      scripts: [shell("t1", "touch began; while [ ! -e go ]; do sleep 0.05; done; echo ran"), say("I heard")],
    });
    const host = startHost(workspace, ["chat", "--yolo"], { terminal: true });
    await host.see("> ");
    host.write("start\r");
    await until("the tool runs", () => has(workspace, "began"));
    host.write("also this\r");
    await host.see("also this");
    host.write("\r");
    writeFileSync(join(workspace.workDir, "go"), "");
    await host.see("The model has read: also this");
    await host.see("I heard");
    host.write("\u0004");
    expect((await host.exit()).code).toBe(0);
  });

  it("T-028 output waits while a line is typed, and the line is kept over the end of the turn", async () => {
    const wait = (id: string, name: string) => shell(id, `touch ${id}; while [ ! -e ${name} ]; do sleep 0.05; done`);
    const scripts = [wait("t1", "go1"), script(say("I heard"), wait("t2", "go2")), say("first end"), say("got it")];
    const workspace = createWorkspace({ scripts });
    const host = startHost(workspace, ["chat", "--yolo"], { terminal: true });
    await host.see("> ");
    host.write("start\r");
    await until("the tool runs", () => has(workspace, "t1"));
    host.write("part");
    await host.see("part");
    writeFileSync(join(workspace.workDir, "go1"), "");
    await until("the next tool runs", () => has(workspace, "t2"));
    expect(host.stdout).not.toContain("I heard");
    writeFileSync(join(workspace.workDir, "go2"), "");
    await host.see("I heard");
    await host.see("first end");
    await host.see("> part");
    host.write("\r");
    await host.see("got it");
    await host.see("> ");
    host.write("\u0004");
    expect((await host.exit()).code).toBe(0);
    expect(readFileSync(join(onlySession(workspace), "context.jsonl"), "utf8")).toContain(
      '"role":"user","content":"part"',
    );
  });

  it("T-024 Ctrl-C: empties a line, stops a turn, warns at an empty prompt, and leaves at the second", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "touch began; sleep 60"), say("after")] });
    const host = startHost(workspace, ["chat", "--yolo"], { terminal: true });
    await host.see("> ");
    host.write("never sent\u0003go\r");
    await until("the tool runs", () => has(workspace, "began"));
    host.write("\u0003");
    await host.see("Stopped.");
    await host.see("> ");
    host.write("\u0003");
    await host.see("Press Ctrl-C again or Ctrl-D to leave.");
    host.write("\u0003");
    expect((await host.exit()).code).toBe(0);
  });

  it("T-025 an approval on a terminal, answered by keys", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "touch made"), say("end")] });
    const host = startHost(workspace, ["chat"], { terminal: true });
    await host.see("> ");
    host.write("go\r");
    await host.see(ALLOW);
    host.write("y\r");
    await host.see("end");
    expect(has(workspace, "made")).toBe(true);
    await host.see("> ");
    host.write("/quit\r");
    expect((await host.exit()).code).toBe(0);
  });

  it("T-027 what is typed before the first prompt is the first prompt", async () => {
    const host = startHost(createWorkspace({ scripts: [say("heard")] }), ["chat"], { terminal: true });
    host.write("early\r");
    await host.see("heard");
    await host.see("> ");
    host.write("\u0004");
    expect((await host.exit()).code).toBe(0);
  });

  it("T-300 what is pasted is one text, sent by Enter; Ctrl-C throws it away", async () => {
    const workspace = createWorkspace({ scripts: [say("heard")] });
    const host = startHost(workspace, ["chat"], { terminal: true });
    await host.see(`${ESC}[?2004h`);
    await host.see("> ");
    host.write(`${ESC}[200~first\rsecond${ESC}[201~`);
    await host.see("second");
    host.write("\u0003");
    await host.see("> ");
    host.write(`${ESC}[200~one\r\ttwo\rthree${ESC}[201~`);
    await host.see("three");
    host.write(" more\r");
    await host.see("heard");
    await host.see("> ");
    host.write("\u0004");
    expect((await host.exit()).code).toBe(0);
    expect(host.stdout).toContain(`${ESC}[?2004l`);
    const context = readFileSync(join(onlySession(workspace), "context.jsonl"), "utf8");
    expect(context.match(/"role":"user","content":"[^"]*"/g)).toEqual([
      '"role":"user","content":"one\\n\\ttwo\\nthree more"',
    ]);
  });

  it("T-301 a pasted y is no answer before Enter, and always is asked again where it is not offered", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "for i in 1; do touch made; done"), say("end")] });
    const host = startHost(workspace, ["chat"], { terminal: true });
    await host.see("> ");
    host.write("go\r");
    await host.see("Allow it? y = yes, n = no, or");
    host.write("a\r");
    await host.see("This cannot be allowed for the session, only once.");
    await host.see("instead: ");
    host.write(`${ESC}[200~y\r${ESC}[201~`);
    await host.see("… ");
    expect(has(workspace, "made")).toBe(false);
    host.write("\r");
    await host.see("end");
    expect(has(workspace, "made")).toBe(true);
    host.write("\u0004");
    expect((await host.exit()).code).toBe(0);
  });

  it("T-026 kernel -p on a terminal: the answer holds no control characters either", async () => {
    const workspace = createWorkspace({ scripts: [`text: a${ESC}[31mb`] });
    const host = startHost(workspace, ["-p", "go"], { terminal: true });
    expect((await host.exit()).code).toBe(0);
    expect(host.stdout).toContain("a\\u{1b}[31mb\r\n");
    expect((await runHost(workspace, ["-p", "go"])).stdout).toBe(`a${ESC}[31mb\n`);
  });
});
