import { getEventListeners } from "node:events";
import { readdir, readFile, symlink } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProcessGroups } from "../processes/posix-process-groups.js";
import type { ProcessGroups } from "../processes/process-groups.js";
import { toolEnvironment } from "../processes/tool-environment.js";
import { shell } from "./shell.js";
import { parseArguments, toolDefinition } from "./support/tool-schema.js";
import { contextOf, execute, prepare, prepared, temporaryFolders } from "./testing/call-tool.js";
import type { ToolContext, ToolReturn } from "./tool.js";

const folder = temporaryFolders();
let processes: ProcessGroups;
let context: ToolContext;

beforeEach(async () => {
  processes = createProcessGroups();
  const env = toolEnvironment({ PATH: process.env.PATH, HOME: "/tmp", SOME_API_KEY: "secret", LD_AUDIT: "x.so" });
  context = contextOf(await folder("shell"), { processes, env });
});

afterEach(() => processes.close());

async function run(command: string, args: Record<string, unknown> = {}): Promise<ToolReturn> {
  return execute(await prepared(shell, { command, ...args }, context));
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await delay(5);
  }
}

async function groupLives(pgid: number): Promise<boolean> {
  for (const name of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${name}/stat`, "latin1").catch(() => "");
    const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(group) === pgid && state !== "Z") return true;
  }
  return false;
}

describe("before the command", () => {
  it("asks for exactly this command in this folder", async () => {
    const call = await prepared(shell, { command: "echo 1\n\techo 2" }, context);
    expect(call.effect).toBe("exec");
    expect(call.ask).toEqual({
      action: "run command",
      description: "Run command `echo 1\n\techo 2`",
      display: [{ type: "shell", language: "bash", command: "echo 1\n\techo 2" }],
      subject: { kind: "command", command: "echo 1\n\techo 2", cwd: context.workDir, background: false },
    });
  });

  it("shows hidden characters to the person, and keeps the command itself", async () => {
    const command = "echo \u202eevil\x1b[2K";
    const { ask } = await prepared(shell, { command }, context);
    expect(ask?.description).toBe("Run command `echo \\u{202e}evil\\x1b[2K`");
    expect(ask?.subject).toMatchObject({ command });
  });

  it.each(["", "  \n"])("refuses an empty command %j", async (command) => {
    expect(await prepare(shell, { command }, context)).toEqual({
      isError: true,
      output: "",
      message: "Command cannot be empty.",
      display: [{ type: "brief", text: "Empty command" }],
    });
  });

  it("says where nothing can run in the background", async () => {
    expect(await prepare(shell, { command: "true", run_in_background: true, timeout: 86_400 }, context)).toMatchObject({
      isError: true,
      message: "Nothing can run in the background here.",
      display: [{ type: "brief", text: "Not supported" }],
    });
  });

  it.each([
    ['{"command":"true","timeout":0}', "timeout: expected 1 to 300 seconds"],
    ['{"command":"true","timeout":301}', "timeout: expected 1 to 300 seconds"],
    ['{"command":"true","timeout":86401,"run_in_background":true}', "timeout: expected 1 to 86400 seconds"],
    ['{"cmd":"x"}', "command: required"],
  ])("refuses %s", (json, problem) => {
    expect(parseArguments(shell, json)).toMatchObject({
      ok: false,
      result: { message: `Error validating JSON arguments: ${problem}` },
    });
  });

  it("lists its parameters, background ones last", () => {
    expect(JSON.stringify(toolDefinition(shell).parameters)).toBe(
      '{"type":"object","properties":{"command":{"type":"string"},' +
        '"timeout":{"type":"integer","description":"seconds, max 300","default":60},' +
        '"run_in_background":{"type":"boolean"},' +
        '"description":{"type":"string","description":"if in background"}},"required":["command"]}',
    );
  });
});

describe("the result", () => {
  it("of a success is its output, both streams in order", async () => {
    expect(await run("echo out; echo err >&2; echo out")).toEqual({
      isError: false,
      output: "out\nerr\nout\n",
      message: "Command executed successfully.",
      display: [],
    });
  });

  it("of a failure names the code and shows the last five lines", async () => {
    expect(await run("echo out; echo err >&2; exit 3")).toEqual({
      isError: true,
      output: "out\nerr\n",
      message: "Command failed with exit code: 3.",
      display: [{ type: "brief", text: "Failed with exit code: 3\nout\nerr" }],
    });
    const long = await run("seq 9; exit 1");
    expect(long.display).toEqual([{ type: "brief", text: "Failed with exit code: 1\n5\n6\n7\n8\n9" }]);
    expect((await run("false")).display).toEqual([{ type: "brief", text: "Failed with exit code: 1" }]);
  });

  it("of a killed command names the signal", async () => {
    expect(await run("echo a; kill -SEGV $$")).toMatchObject({
      isError: true,
      output: "a\n",
      message: "Command was killed by SIGSEGV.",
      display: [{ type: "brief", text: "Killed by SIGSEGV\na" }],
    });
  });

  it("of a command that took too long keeps what it had said", async () => {
    const before = performance.now();
    expect(await run("echo early; trap '' TERM; sleep 30 & sleep 30; sleep 30", { timeout: 1 })).toEqual({
      isError: true,
      output: "early\n",
      message: "Command killed by timeout (1s)",
      display: [{ type: "brief", text: "Killed by timeout (1s)" }],
    });
    expect(performance.now() - before).toBeLessThan(2500);
  });

  it("of 100 MB is bounded and says so", async () => {
    const before = process.memoryUsage().rss;
    const result = await run("echo START; yes | head -c 100000000; echo; echo END");
    expect(process.memoryUsage().rss - before).toBeLessThan(80_000_000);
    expect(result.message).toBe("Command executed successfully. Output is truncated to fit in the message.");
    expect(result.output.length).toBeLessThanOrEqual(50_000);
    expect(result.output).toMatch(/^START\ny\n(y\n)+\[\.\.\. \d+ bytes left out \.\.\.\]\n(y\n)+\nEND\n$/);
  });

  it("comes from the work folder, with a scrubbed and quiet environment", async () => {
    const { output } = await run('pwd; echo "[$SOME_API_KEY$LD_AUDIT][$TERM][$PAGER][$GIT_TERMINAL_PROMPT]"');
    expect(output).toBe(`${context.workDir}\n[][dumb][cat][0]\n`);
  });

  it("comes from sh where there is no bash", async () => {
    const bin = await folder("bin");
    context = { ...context, env: { ...context.env, PATH: bin } };
    await expect(run("true")).rejects.toThrow("program not found: sh");
    await symlink("/bin/sh", `${bin}/sh`);
    expect(await run("echo ok")).toMatchObject({ isError: false, output: "ok\n" });
  });

  it("is an exception when the work folder is gone", async () => {
    context = { ...context, workDir: `${context.workDir}/gone` };
    await expect(run("true")).rejects.toThrow("working directory does not exist");
  });

  it("comes at once from a command that reads stdin", async () => {
    expect(await run("cat; read -r x || echo eof")).toMatchObject({ output: "eof\n" });
  });
});

describe("cancel", () => {
  it.each([
    ["a plain command", "touch ready; sleep 30"],
    ["a TERM-proof command", "trap '' TERM; touch ready; while :; do sleep 1; done"],
    ["a forking command", "touch ready; for i in 1 2 3; do (trap '' TERM; sleep 30) & done; wait"],
  ])("ends %s with its group and rejects with the reason", async (_name, command) => {
    const call = await prepared(shell, { command }, context);
    const cancel = new AbortController();
    let pgid = 0;
    const result = call.execute({
      signal: cancel.signal,
      toolCallId: "call",
      effectId: "effect",
      onProcess: (started) => {
        pgid = started.pgid;
        expect(started.startTime).not.toBe("");
      },
    });
    await until(async () => (await readdir(context.workDir)).includes("ready"), "the command is at work");
    const before = performance.now();
    cancel.abort(new Error("cancelled by user"));
    await expect(result).rejects.toThrow("cancelled by user");
    // The promise is 100 ms; the rest is for a machine that is busy with other tests.
    expect(performance.now() - before).toBeLessThan(300);
    expect(pgid).toBeGreaterThan(1);
    expect(await groupLives(pgid)).toBe(false);
  });

  it("before the start runs nothing", async () => {
    const call = await prepared(shell, { command: "touch ran" }, context);
    await expect(execute(call, AbortSignal.abort(new Error("early")))).rejects.toThrow("early");
    expect(await readdir(context.workDir)).toEqual([]);
  });

  it("leaves no listener on a signal that lives on", async () => {
    const cancel = new AbortController();
    const { signal } = cancel;
    for (let i = 0; i < 5; i += 1) await execute(await prepared(shell, { command: "true" }, context), signal);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});
