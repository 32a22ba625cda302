/** The command line: what it refuses, with which words and exit codes, and where it can be called from. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { kernelCommand, kernelEnvironment } from "./kernel-process.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const STACK_TRACE = /^\s+at .+[:(]\d+|node:internal|Traceback/m;

interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  command?: readonly string[];
  input?: string;
}

/** Runs the command to its end with stdin closed after `input`. */
function run(workspace: Workspace, args: readonly string[], options: RunOptions = {}): SpawnSyncReturns<string> {
  const [program, ...head] = options.command ?? kernelCommand();
  return spawnSync(program as string, [...head, ...args], {
    cwd: options.cwd ?? workspace.workDir,
    env: kernelEnvironment(workspace, options.env),
    input: options.input ?? "",
    encoding: "utf8",
    timeout: 10_000,
    maxBuffer: 64 * 1024 * 1024,
  });
}

/** A refusal: this exit code, nothing on stdout, and words on stderr without a stack trace. */
function expectRefusal(result: SpawnSyncReturns<string>, code: number, words: string | RegExp): void {
  expect({ status: result.status, stdout: result.stdout }, result.stderr).toEqual({ status: code, stdout: "" });
  expect(result.stderr).not.toMatch(STACK_TRACE);
  expect(result.stderr.trim()).not.toBe("");
  if (typeof words === "string") expect(result.stderr).toContain(words);
  else expect(result.stderr).toMatch(words);
}

const scripted = (extra: Record<string, unknown> = {}) =>
  JSON.stringify({
    default_model: "m",
    models: { m: { provider: "p", model: "scripted_echo", max_context_size: 1000 } },
    providers: { p: { type: "_scripted_echo", base_url: "", api_key: "", ...extra } },
  });

describe("mistakes", () => {
  const missing = "/nonexistent/place";
  it.each<readonly [what: string, args: readonly string[], words: string | RegExp]>([
    ["--print with --wire", ["--wire", "--print"], "Cannot combine --print, --wire."],
    ["--acp with --wire", ["--wire", "--acp"], "Cannot combine --acp, --wire."],
    ["three modes", ["--wire", "--acp", "--print"], "Cannot combine --print, --acp, --wire."],
    ["--continue with --session", ["--wire", "--continue", "--session", "x"], "Cannot combine --continue, --session."],
    [
      "--agent with --agent-file",
      ["--wire", "--agent", "default", "--agent-file", "/dev/null"],
      "Cannot combine --agent, --agent-file.",
    ],
    [
      "--config with --config-file",
      ["--wire", "--config", "{}", "--config-file", "/dev/null"],
      "Cannot combine --config, --config-file.",
    ],
    ["unknown flag", ["--wire", "--bogus"], "No such option: --bogus"],
    ["unknown short flag", ["--wire", "-Z"], "No such option: -Z"],
    ["--continue without a session", ["--wire", "--continue"], "No previous session found for the working directory"],
    [
      "--session with an empty id",
      ["--wire", "--session", ""],
      "--session without a session ID is only supported for shell UI",
    ],
    [
      "--session without an id",
      ["--wire", "--session"],
      "--session without a session ID is only supported for shell UI",
    ],
    ["missing config file", ["--wire", "--config-file", missing], `File '${missing}' does not exist.`],
    ["a folder as config file", ["--wire", "--config-file", "/"], /'\/' .*(director|file)/],
    ["missing work dir", ["--wire", "--work-dir", missing], `Directory '${missing}' does not exist.`],
    ["a file as work dir", ["--wire", "--work-dir", "/dev/null"], /\/dev\/null/],
    ["missing extra dir", ["--wire", "--add-dir", missing], missing],
    ["missing agent file", ["--wire", "--agent-file", missing], missing],
    ["missing skills dir", ["--wire", "--skills-dir", missing], missing],
    ["missing MCP file", ["--wire", "--mcp-config-file", missing], missing],
    ["MCP text that is no JSON", ["--wire", "--mcp-config", "{"], "Invalid JSON: "],
    ["unknown agent", ["--wire", "--agent", "bond"], "bond"],
    ["unknown framing", ["--wire", "--framing", "pigeon"], "pigeon"],
    ["a number that is none", ["--wire", "--max-steps-per-turn", "many"], "many"],
    ["a number below its range", ["--wire", "--max-steps-per-turn", "0"], "--max-steps-per-turn"],
    ["a flag without its value", ["--wire", "--work-dir"], "--work-dir"],
    ["a flag with a value it does not take", ["--wire", "--yolo=yes"], "--yolo"],
    ["unknown command", ["conquer"], "conquer"],
    ["unknown argument of info", ["info", "--xml"], "--xml"],
    ["session id that is a path", ["--wire", "--session", "../../x"], /session/i],
  ])("B-070 %s: exit 2 and one plain sentence", (_what, args, words) => {
    const result = run(createWorkspace(), args);
    expectRefusal(result, 2, words);
    expect(result.stderr.trim().split("\n")).toHaveLength(1);
  });

  it.each<readonly [what: string, text: string, words: string | RegExp]>([
    ["neither JSON nor TOML", "{bad", "Invalid configuration text: "],
    ["a list", "[1,2]", "Invalid configuration text: "],
    ["default model that is not there", '{"default_model":"x"}', "Default model x not found in models"],
    [
      "provider that is not there",
      '{"models":{"m":{"provider":"ghost","model":"m","max_context_size":1}}}',
      "Provider ghost not found in providers",
    ],
    ["wrong type of a key", '{"default_model":5}', /Invalid configuration text: .*default_model/],
    ["unknown provider type", scripted({ type: "carrier_pigeon" }), /Invalid configuration text: .*type/],
    ["a number out of its range", '{"loop_control":{"compaction_trigger_ratio":7}}', /compaction_trigger_ratio/],
  ])("B-071 configuration text, %s: exit 2 and one plain sentence", (_what, text, words) => {
    const result = run(createWorkspace(), ["--wire", "--config", text]);
    expectRefusal(result, 2, words);
    expect(result.stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
  });

  it.each<readonly [name: string, text: string, words: RegExp]>([
    ["bad.json", "{", /Invalid configuration file .*bad\.json: /],
    ["bad.toml", "a = = b", /Invalid configuration file .*bad\.toml: /],
    ["bad-bytes.toml", 'a = "\0"', /Invalid configuration file .*bad-bytes\.toml: /],
    ["bad-model.toml", 'default_model = "x"', /Invalid configuration file .*Default model x not found in models/],
  ])("B-072 configuration file %s: exit 2, and the sentence names the file", (name, text, words) => {
    const workspace = createWorkspace();
    const file = join(workspace.home, name);
    writeFileSync(file, text);
    expectRefusal(run(workspace, ["--wire", "--config-file", file]), 2, words);
  });

  it("B-073 a broken config.toml in the share folder is named too", () => {
    const workspace = createWorkspace();
    writeFileSync(join(workspace.share, "config.toml"), "[models\n");
    expectRefusal(run(workspace, ["--wire"]), 2, /config\.toml/);
  });

  it("B-074 no secret of the configuration shows in a refusal", () => {
    const text = JSON.stringify({ providers: { p: { type: "kimi", base_url: 5, api_key: "sk-very-secret" } } });
    const result = run(createWorkspace(), ["--wire", "--config", text]);
    expectRefusal(result, 2, "Invalid configuration text: ");
    expect(result.stderr).not.toContain("sk-very-secret");
  });

  it.each<readonly [what: string, extra: Record<string, unknown>, words: string]>([
    ["not named", {}, "KIMI_SCRIPTED_ECHO_SCRIPTS is required for _scripted_echo."],
    [
      "missing",
      { env: { KIMI_SCRIPTED_ECHO_SCRIPTS: "/nonexistent/s.json" } },
      "Scripted echo file not found: /nonexistent/s.json",
    ],
    [
      "not a list",
      { env: { KIMI_SCRIPTED_ECHO_SCRIPTS: "package.json" } },
      "Scripted echo JSON must be an array of strings.",
    ],
  ])("B-075 a failed start (scripts %s): exit 1, the reason, and where the log is", (_what, extra, words) => {
    const workspace = createWorkspace();
    writeFileSync(join(workspace.workDir, "package.json"), "{}");
    const result = run(workspace, ["--wire", "--config", scripted(extra)]);
    expectRefusal(result, 1, words);
    expect(result.stderr).toContain("See logs: ");
  });

  it("B-076 the current folder was removed: one sentence, no crash", () => {
    const workspace = createWorkspace();
    const gone = join(workspace.home, "gone");
    mkdirSync(gone);
    const [program, ...head] = kernelCommand();
    const script = 'cd "$1" && rmdir "$1" && shift && exec "$@"';
    const command = ["sh", "-c", script, "sh", gone, program as string, ...head];
    const result = run(workspace, ["--wire"], { command });
    expect([1, 2]).toContain(result.status);
    expect(result.stderr).not.toMatch(STACK_TRACE);
    expect(result.stderr.trim()).not.toBe("");
  });
});

describe("what it tells", () => {
  it("B-080 --version, -V, --help, -h: exit 0 and nothing on stderr", () => {
    const workspace = createWorkspace();
    for (const flag of ["--version", "-V"]) {
      const result = run(workspace, [flag]);
      expect(result).toMatchObject({ status: 0, stderr: "" });
      expect(result.stdout).toMatch(/^\w+, version \S+\n$/);
    }
    for (const flag of ["--help", "-h"]) {
      const result = run(workspace, [flag]);
      expect(result).toMatchObject({ status: 0, stderr: "" });
      for (const word of ["--wire", "--session", "--continue", "--config-file", "--work-dir", "--yolo"]) {
        expect(result.stdout).toContain(word);
      }
    }
  });

  it("B-081 info prints four lines", () => {
    const result = run(createWorkspace(), ["info"]);
    expect(result).toMatchObject({ status: 0, stderr: "" });
    const heads = result.stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(0, line.indexOf(":") + 1));
    expect(heads).toEqual(["kimi-cli version:", "agent spec versions:", "wire protocol:", "python version:"]);
    expect(result.stdout).toContain("wire protocol: 1.10\n");
  });

  it("B-082 info --json is one JSON object on stdout, with an empty stderr", () => {
    const workspace = createWorkspace();
    const noisy = { NODE_OPTIONS: "--trace-warnings", DEBUG: "*" };
    const result = run(workspace, ["info", "--json"], { env: noisy });
    expect(result).toMatchObject({ status: 0, stderr: "" });
    const info = JSON.parse(result.stdout) as Record<string, unknown>;
    expect(info).toMatchObject({ agent_spec_versions: ["1"], wire_protocol_version: "1.10" });
    const version = /^(\d+)\.(\d+)/.exec(String(info.kimi_cli_version));
    expect(Number(version?.[1]) * 100 + Number(version?.[2])).toBeGreaterThanOrEqual(82);
    expect(typeof info.python_version).toBe("string");
    expect(result.stdout.trimEnd().split("\n")).toHaveLength(1);
  });

  it("B-083 a broken configuration does not break info", () => {
    const workspace = createWorkspace();
    writeFileSync(join(workspace.share, "config.toml"), "[[[");
    expect(run(workspace, ["info", "--json"])).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("where it is called from", () => {
  const serve = (workspace: Workspace, args: readonly string[], options: RunOptions) => {
    const result = run(workspace, ["--wire", "--config-file", workspace.configFile, ...args], {
      ...options,
      input: '{"id":"a","method":"cancel"}\n',
    });
    expect(result.status, result.stderr).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({ id: "a", error: { code: -32000 } });
  };

  it("B-084 from another folder, and without --work-dir", () => {
    const workspace = createWorkspace();
    serve(workspace, ["--work-dir", workspace.workDir], { cwd: "/" });
    serve(workspace, [], { cwd: workspace.workDir });
  });

  it("B-085 through a symlink, also a relative one and one on the PATH", () => {
    const workspace = createWorkspace();
    const [program, ...head] = kernelCommand();
    const script = head.at(-1);
    if (script === undefined) return;
    const bin = join(workspace.home, "bin");
    mkdirSync(bin);
    symlinkSync(script, join(bin, "kernel"));
    symlinkSync("kernel", join(bin, "again"));
    const before = [program as string, ...head.slice(0, -1)];
    serve(workspace, [], { command: [...before, join(bin, "kernel")] });
    serve(workspace, [], { command: [...before, "../home/bin/again"] });
    // Only bin/kernel.js is a command of its own; a build's file needs the node that is named before it.
    if ((statSync(script).mode & 0o100) === 0) return;
    const PATH = `${bin}:${process.env.PATH}`;
    serve(workspace, [], { command: ["sh", "-c", 'exec again "$@"', "sh"], env: { PATH } });
  });

  it("B-086 relative paths of flags begin at the current folder", () => {
    const workspace = createWorkspace();
    const result = run(workspace, ["--wire", "--config-file", "../config.json", "-w", "."]);
    expect(result).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });

  it("B-087 a value that looks like a flag stays a value", () => {
    const workspace = createWorkspace();
    expectRefusal(run(workspace, ["--wire", "--work-dir", "--yolo"]), 2, "--yolo");
    rmSync(join(workspace.workDir, "--yolo"), { force: true });
  });
});
