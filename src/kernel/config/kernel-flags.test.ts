import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyFlags } from "./apply-flags.js";
import { type KernelFlags, parseFlags } from "./kernel-flags.js";
import { loadConfig } from "./load-config.js";

let cwd = "";
beforeAll(() => {
  cwd = mkdtempSync(path.join(tmpdir(), "kernel-flags-"));
  mkdirSync(path.join(cwd, "dir"));
  writeFileSync(path.join(cwd, "file"), "x");
  writeFileSync(path.join(cwd, "mcp.json"), '{"mcpServers":{"a":{"command":"a"}}}');
  writeFileSync(path.join(cwd, "broken.json"), "{");
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const parse = (...argv: string[]) => parseFlags(argv, { cwd });
function flagsOf(...argv: string[]): KernelFlags {
  const parsed = parse(...argv);
  if (parsed.kind !== "run") throw new Error(JSON.stringify(parsed));
  return parsed.flags;
}
const usage = (message: string) => ({ kind: "usage_error", message });

describe("parseFlags: values", () => {
  it("gives defaults for --wire alone", () => {
    expect(parse("--wire")).toEqual({
      kind: "run",
      mode: "wire",
      argv: ["--wire"],
      isChat: false,
      flags: {
        workDir: cwd,
        addDirs: [],
        session: null,
        continue: false,
        config: null,
        configFile: null,
        model: null,
        thinking: null,
        yolo: false,
        afk: false,
        askAlways: false,
        plan: false,
        agent: null,
        agentFile: null,
        mcpConfigs: [],
        mcpFileGiven: false,
        skillsDirs: [],
        maxStepsPerTurn: null,
        maxRetriesPerStep: null,
        maxRalphIterations: null,
        framing: "ndjson",
        wireCompat: null,
        kernel: null,
        approve: "deny",
        prompt: null,
        inputFormat: null,
        outputFormat: null,
        finalMessageOnly: false,
        quiet: false,
        verbose: false,
        debug: false,
      },
    });
  });

  it("reads a host's whole command line in any order and both spellings", () => {
    const pairs = [
      ["--session", "s-1"],
      ["--work-dir=dir"],
      ["--wire"],
      ["--model", "m"],
      ["--no-thinking"],
      ["--yolo"],
      ["--agent-file=file"],
      ["--skills-dir", "dir"],
      ["--skills-dir", path.join(cwd, "dir")],
      ["--add-dir=dir"],
      ["--config", '{"a":"b=c"}'],
      ["--mcp-config", "{}"],
      ["--mcp-config-file", "mcp.json"],
      ["--max-steps-per-turn", "5"],
      ["--max-retries-per-step=2"],
      ["--max-ralph-iterations", "-1"],
      ["--framing", "content-length"],
      ["--plan"],
      ["--afk"],
      ["--debug"],
    ];
    const expected = {
      workDir: path.join(cwd, "dir"),
      session: "s-1",
      model: "m",
      thinking: false,
      yolo: true,
      afk: true,
      plan: true,
      debug: true,
      agentFile: path.join(cwd, "file"),
      skillsDirs: [path.join(cwd, "dir"), path.join(cwd, "dir")],
      addDirs: [path.join(cwd, "dir")],
      config: '{"a":"b=c"}',
      mcpConfigs: [{ mcpServers: { a: { command: "a" } } }, {}],
      maxStepsPerTurn: 5,
      maxRetriesPerStep: 2,
      maxRalphIterations: -1,
      framing: "content-length",
    };
    expect(flagsOf(...pairs.flat())).toMatchObject(expected);
    expect(flagsOf(...pairs.toReversed().flat())).toMatchObject(expected);
  });

  it.each([
    [["-w", "dir"], { workDir: "dir" }],
    [["-wdir"], { workDir: "dir" }],
  ])("short names: %j", (argv, expected) => {
    expect(flagsOf("--wire", ...argv).workDir).toBe(path.join(cwd, expected.workDir));
  });

  it.each(["--session", "-S", "--resume", "-r"])("%s takes an id", (name) => {
    expect(flagsOf("--wire", name, "abc").session).toBe("abc");
  });

  it.each(["--yolo", "--yes", "-y", "--auto-approve"])("%s means yolo", (name) => {
    expect(flagsOf("--wire", name).yolo).toBe(true);
  });

  it("lets short flags share a dash, and the last of several values count", () => {
    expect(flagsOf("--wire", "-yC")).toMatchObject({ yolo: true, continue: true });
    expect(flagsOf("--wire", "-ymfast").model).toBe("fast");
    expect(flagsOf("--wire", "-m", "a", "--model=b").model).toBe("b");
    expect(flagsOf("--wire", "--thinking", "--no-thinking").thinking).toBe(false);
    expect(flagsOf("--wire", "--no-thinking", "--thinking").thinking).toBe(true);
  });

  it.each(["--settings=x", "--yolo", "-y", "--", "--wire"])(
    "keeps %s as data behind an option that takes one",
    (data) => {
      expect(flagsOf("--wire", "--prompt", data)).toMatchObject({ prompt: data, yolo: false });
      expect(flagsOf("--wire", `--prompt=${data}`)).toMatchObject({ prompt: data, yolo: false });
      expect(flagsOf("--wire", "-c", data)).toMatchObject({ prompt: data, yolo: false });
    },
  );

  it("chooses the mode", () => {
    expect(parse()).toMatchObject({ mode: "shell" });
    expect(parse("-p", "hi")).toMatchObject({ mode: "print", flags: { prompt: "hi" } });
    expect(parse("--prompt", "hi")).toMatchObject({ mode: "print", flags: { prompt: "hi" } });
    expect(parse("--wire", "-p", "hi")).toMatchObject({ mode: "wire" });
    expect(parse("--print", "-p", "hi", "--output-format", "stream-json")).toMatchObject({ mode: "print" });
    expect(parse("--quiet")).toMatchObject({ mode: "print", flags: { finalMessageOnly: true } });
    expect(parse("--acp")).toMatchObject({ mode: "acp" });
    expect(parse("--session")).toMatchObject({ mode: "shell", flags: { session: "" } });
  });
});

describe("parseFlags: the hosts on top", () => {
  it.each<readonly [argv: readonly string[], prompt: string]>([
    [["-p"], ""],
    [["-p", "-"], "-"],
    [["-p", "--output-format", "json"], ""],
    [["-p", "--output-format=json"], ""],
    [["-p", "--- why"], "--- why"],
    [["-phello"], "hello"],
  ])("%j: -p without a word means stdin", (argv, prompt) => {
    expect(parse(...argv)).toMatchObject({ mode: "print", flags: { prompt } });
  });

  it("knows the four formats, the policies and the places of a kernel", () => {
    for (const outputFormat of ["text", "json", "stream-json", "wire"]) {
      expect(flagsOf("-p", "x", "--output-format", outputFormat)).toMatchObject({ outputFormat });
    }
    expect(flagsOf("-p", "x", "--approve", "edits", "--kernel=sidecar")).toMatchObject({
      approve: "edits",
      kernel: "sidecar",
    });
  });

  it("takes chat as a mode, with flags on either side, and gives the words without it", () => {
    expect(parse("--yolo", "chat", "--kernel", "in-process")).toMatchObject({
      mode: "shell",
      isChat: true,
      argv: ["--yolo", "--kernel", "in-process"],
      flags: { yolo: true, kernel: "in-process" },
    });
    expect(parse("chat", "hello")).toMatchObject({ kind: "command", name: "hello" });
  });

  it.each([
    [["--wire", "--kernel", "auto"], "--kernel is only supported with -p and chat"],
    [["--wire", "--approve", "all"], "--approve is only supported for print UI"],
    [["chat", "--approve", "all"], "--approve is only supported for print UI"],
    [["chat", "-p", "x"], "kernel chat takes neither a prompt nor another mode."],
    [["--wire", "chat"], "kernel chat takes neither a prompt nor another mode."],
    [["-p", "x", "--kernel", "moon"], "Invalid value for --kernel: 'moon' is not one of auto, sidecar, in-process."],
    [["-p", "x", "--approve", "yes"], "Invalid value for --approve: 'yes' is not one of deny, edits, all."],
  ])("%j", (argv, message) => {
    expect(parse(...argv)).toEqual(usage(message));
  });
});

describe("parseFlags: other results", () => {
  it("knows version and help whatever stands beside them", () => {
    for (const name of ["--version", "-V"]) expect(parse("--work-dir", "/nonexist", name)).toEqual({ kind: "version" });
    for (const name of ["--help", "-h"]) expect(parse(name, "--wire", "--print")).toEqual({ kind: "help" });
  });

  it("gives a command with everything behind it untouched", () => {
    expect(parse("info", "--json")).toEqual({ kind: "command", name: "info", rest: ["--json"] });
    expect(parse("--debug", "demo")).toEqual({ kind: "command", name: "demo", rest: [] });
    expect(parse("--", "--yolo", "x")).toEqual({ kind: "command", name: "--yolo", rest: ["x"] });
  });
});

describe("parseFlags: mistakes", () => {
  it.each([
    [["--bogus"], "No such option: --bogus"],
    [["--bogus=secret"], "No such option: --bogus"],
    [["-x"], "No such option: -x"],
    [["-yx"], "No such option: -x"],
    [["--yol"], "No such option: --yol"],
    [["--wire=1"], "Option '--wire' does not take a value."],
    [["--wire", "--model"], "Option '--model' requires an argument."],
    [["--wire", "-w"], "Option '-w' requires an argument."],
    [["--wire", "--print"], "Cannot combine --print, --wire."],
    [["--wire", "--acp", "--print"], "Cannot combine --print, --acp, --wire."],
    [["--wire", "--quiet"], "Cannot combine --quiet, --wire."],
    [["--wire", "--continue", "--session", "x"], "Cannot combine --continue, --session."],
    [["--wire", "-r", "x", "-C"], "Cannot combine --continue, --session."],
    [["--wire", "--agent", "okabe", "--agent-file", "file"], "Cannot combine --agent, --agent-file."],
    [["--wire", "--config", "{}", "--config-file", "file"], "Cannot combine --config, --config-file."],
    [["--wire", "--config-file", "/nonexist"], "File '/nonexist' does not exist."],
    [["--wire", "--config-file", "dir"], "File 'dir' is a directory."],
    [["--wire", "--config-file", "file/below"], "File 'file/below' does not exist."],
    [["--wire", "--config-file", ""], "File '' does not exist."],
    [["--wire", "--work-dir", "nope"], "Directory 'nope' does not exist."],
    [["--wire", "--add-dir", "file"], "Directory 'file' is a file."],
    [["--wire", "--skills-dir", "nope"], "Directory 'nope' does not exist."],
    [["--wire", "--mcp-config-file", "nope"], "File 'nope' does not exist."],
    [["--wire", "--session"], "--session without a session ID is only supported for shell UI"],
    [["--wire", "--session", ""], "--session without a session ID is only supported for shell UI"],
    [["--session", "--wire"], "--session without a session ID is only supported for shell UI"],
    [["--wire", "--session", "../x"], "Invalid session ID '../x'."],
    [["--wire", "--session", ".."], "Invalid session ID '..'."],
    [["--wire", "--session", "a\nb"], "Invalid session ID 'a?b'."],
    [["--wire", "--agent", "x"], "Invalid value for --agent: 'x' is not one of default, okabe."],
    [["--wire", "--framing", "x"], "Invalid value for --framing: 'x' is not one of ndjson, content-length."],
    [
      ["--wire", "--max-steps-per-turn", "0"],
      "Invalid value for --max-steps-per-turn: '0' is not a whole number of at least 1.",
    ],
    [
      ["--wire", "--max-retries-per-step", "1e3"],
      "Invalid value for --max-retries-per-step: '1e3' is not a whole number of at least 1.",
    ],
    [
      ["--wire", "--max-ralph-iterations", "-2"],
      "Invalid value for --max-ralph-iterations: '-2' is not a whole number of at least -1.",
    ],
    [["--wire", "--mcp-config", "[]"], "Invalid MCP config: an object with mcpServers is expected."],
    [["--wire", "--mcp-config", '{"mcpServers":[]}'], "Invalid MCP config: an object with mcpServers is expected."],
    [["--wire", "--output-format", "text"], "--output-format is only supported for print UI"],
    [["--wire", "--input-format", "text"], "--input-format is only supported for print UI"],
    [["--wire", "--final-message-only"], "--final-message-only is only supported for print UI"],
  ])("%j", (argv, message) => {
    expect(parse(...argv)).toEqual(usage(message));
  });

  it("says what is wrong with JSON, in the text and in a file", () => {
    expect(parse("--wire", "--mcp-config", "{")).toMatchObject({ message: expect.stringMatching(/^Invalid JSON: .+/) });
    expect(parse("--wire", "--mcp-config-file", "broken.json")).toMatchObject({
      message: expect.stringMatching(/^Invalid JSON: .+/),
    });
  });
});

describe("applyFlags", () => {
  it("lays flags over the file and keeps what was not given", () => {
    const text = '{"loop_control":{"max_steps_per_turn":7,"max_retries_per_step":8},"default_plan_mode":true}';
    const config = loadConfig({ source: { kind: "text", text } });
    const applied = applyFlags(config, flagsOf("--wire", "--max-steps-per-turn", "2", "--yolo"));
    expect(applied).toMatchObject({
      default_yolo: true,
      default_plan_mode: true,
      loop_control: { max_steps_per_turn: 2, max_retries_per_step: 8, max_ralph_iterations: 0 },
    });
    expect(config.default_yolo).toBe(false);
  });
});
