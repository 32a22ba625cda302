/** What `kernel -p` and `kernel chat` say beside a failure: what to do about it. */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { say } from "./echo-scripts.js";
import { hasTerminal, runHost, startHost } from "./host-process.js";
import { createWorkspace } from "./workspace.js";

const PROVIDER = { type: "openai_legacy", base_url: "http://127.0.0.1:1/v1", api_key: "" };
const MODEL = { provider: "p", model: "m", max_context_size: 1000 };
const config = (parts: Record<string, unknown>) => ["--config", JSON.stringify(parts)];
const GENERAL = "Name a model in config.toml in ~/.kernel";

it.each<readonly [what: string, parts: Record<string, unknown>, args: readonly string[], advice: string]>([
  [
    "no default",
    { models: { a: MODEL, b: MODEL }, providers: { p: PROVIDER } },
    [],
    "The configuration has no default_model; set it, or choose one with --model: a, b.",
  ],
  [
    "a model that is not there",
    { default_model: "a", models: { a: MODEL }, providers: { p: PROVIDER } },
    ["--model", "b"],
    "The configuration has no model 'b'. Its models: a.",
  ],
  ["a model, and none is there", {}, ["--model", "b"], `The configuration has no model 'b'. ${GENERAL}`],
  [
    "a provider without an address",
    { default_model: "a", models: { a: MODEL }, providers: { p: { ...PROVIDER, base_url: "" } } },
    [],
    "The provider 'p' of the model 'a' has no base_url.",
  ],
])("G-304 %s: the sentence says which", async (_what, parts, args, advice) => {
  const { code, stderr } = await runHost(createWorkspace(), ["-p", "go", ...args, ...config(parts)], { bare: true });
  expect(code).toBe(1);
  expect(stderr).toContain(`The turn failed: LLM is not set. ${advice}`);
});

it("G-305 a model server that is not there: the sentence asks for it", async () => {
  const parts = { default_model: "a", models: { a: MODEL }, providers: { p: PROVIDER } };
  const args = ["-p", "go", "--max-retries-per-step", "1", ...config(parts)];
  const { code, stderr } = await runHost(createWorkspace(), args, { bare: true });
  expect(code).toBe(1);
  expect(stderr).toContain("Is the model server running? Its address is base_url");
});

it("G-306 a key of the configuration that is one letter off is named once, and foreign keys are not", async () => {
  const workspace = createWorkspace({
    scripts: [say("one")],
    config: {
      defualt_yolo: true,
      loop_control: { max_step_per_turn: 1 },
      theme: "dark",
      notifications: {},
      some_key_of_another_program: 1,
    },
  });
  const { code, stdout, stderr } = await runHost(workspace, ["-p", "go"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "one\n" });
  const typo = (key: string, meant: string) =>
    `The configuration has the unknown key ${key}, which is ignored. Did you mean ${meant}?\n`;
  const typos = [typo("defualt_yolo", "default_yolo"), typo("loop_control.max_step_per_turn", "max_steps_per_turn")];
  expect(stderr).toBe(typos.join(""));
  expect((await runHost(workspace, ["-p", "go", "--quiet"])).stderr).toBe("");
  const chat = await runHost(workspace, ["chat"]);
  expect(chat.stdout).toContain(typos.join(""));
  const log = readFileSync(join(workspace.share, "logs", "kernel.log"), "utf8");
  expect(log).toContain("unknown key some_key_of_another_program is ignored");
});

it("G-307 a program that is no kernel: the sentence names it and says what to do", async () => {
  const workspace = createWorkspace();
  const program = join(workspace.home, "program");
  writeFileSync(program, "#!/bin/sh\nexit 0\n");
  chmodSync(program, 0o755);
  const advice = `. KERNEL_BIN names ${program}; unset it to run this program's own kernel.\n`;
  for (const args of [["-p", "go"], ["chat"]]) {
    const { code, stderr } = await runHost(workspace, args, { env: { KERNEL_BIN: program } });
    expect(code).toBe(1);
    expect(stderr).toContain("The command is no Wire kernel: ");
    expect(stderr).toContain(advice);
  }
});

it("G-308 a session that another process has: the sentence says what to do", async () => {
  const workspace = createWorkspace({ scripts: [say("one")] });
  const holder = startHost(workspace, ["chat", "--session", "s-1"]);
  holder.write("go\n");
  await holder.see("one\n");
  const { code, stderr } = await runHost(workspace, ["-p", "go", "--session", "s-1"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^The turn failed: The session is in use by process \d+ on \S+\. Leave it there first, or /);
});

it("G-309 a share folder that cannot be written: the sentence names it", async () => {
  const workspace = createWorkspace({ scripts: [say("one")] });
  const share = join(workspace.home, "file", "share");
  writeFileSync(join(workspace.home, "file"), "");
  const { code, stderr } = await runHost(workspace, ["-p", "go"], { env: { KERNEL_SHARE_DIR: share } });
  expect(code).toBe(1);
  expect(stderr).toContain("The turn failed: Cannot write ");
  expect(stderr).toContain(`The share folder is ${share}; KERNEL_SHARE_DIR can name another.`);
});

it("G-312 an MCP server that fails or wants to be allowed is named once, with the command that helps", async () => {
  const config = { mcp: { client: { loading_wait_ms: 60_000 } } };
  const workspace = createWorkspace({ scripts: [say("one"), say("two")], config });
  const mcpServers = {
    gone: { command: "no-such-program" },
    locked: { url: "http://127.0.0.1:1/", transport: "http", auth: "oauth" },
  };
  writeFileSync(join(workspace.share, "mcp.json"), JSON.stringify({ mcpServers }));
  const { code, stdout } = await runHost(workspace, ["chat"], { input: "a\nb\n" });
  expect(code).toBe(0);
  // Said only when the first turn comes before the servers have failed.
  const lines = stdout.replace("Waiting for MCP servers.\n", "").split("\n");
  expect(lines.slice(1, -2)).toEqual([
    "The MCP server 'gone' failed; its tools are missing. To see why: kernel mcp test gone",
    "The MCP server 'locked' wants to be allowed first; its tools are missing: kernel mcp auth locked",
    "one",
    "two",
  ]);
});

it.runIf(hasTerminal)("T-302 a typo in the configuration stands above the first prompt of a chat", async () => {
  const workspace = createWorkspace({ scripts: [say("one")], config: { hook: [] } });
  const host = startHost(workspace, ["chat"], { terminal: true });
  await host.see("unknown key hook, which is ignored. Did you mean hooks?");
  await host.see("> ");
  host.write("\u0004");
  expect((await host.exit()).code).toBe(0);
});
