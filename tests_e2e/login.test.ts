/** `kernel login` and `kernel logout`: API keys of providers, as JSON lines for programs and sentences for people. */
import { spawn } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { kernelCommand, kernelEnvironment, startKernel } from "./kernel-process.js";
import { startModelServer, textReply } from "./model-server.js";
import { runTurn, text } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const KEY = "sk-e2e-secret";
const DEFAULT = "managed:kimi-code";
const LIST = JSON.stringify({ data: [{ id: "one", context_length: 9_000 }, { id: "two" }] });

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command to its end; stdin gets `input`, or is nothing at all. */
async function run(
  workspace: Workspace,
  args: readonly string[],
  { env = {}, input }: { env?: Record<string, string>; input?: string } = {},
): Promise<Ended> {
  const [program, ...head] = kernelCommand();
  const child = spawn(program as string, [...head, ...args], {
    cwd: workspace.workDir,
    env: kernelEnvironment(workspace, env),
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    timeout: 15_000,
    killSignal: "SIGKILL",
  });
  const ended: Ended = { code: null, stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => {
    ended.stdout += String(chunk);
  });
  child.stderr?.on("data", (chunk) => {
    ended.stderr += String(chunk);
  });
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  ended.code = await new Promise((resolve, reject) => {
    child.on("close", resolve);
    child.on("error", reject);
  });
  return ended;
}

/** A fake of a provider's model list; gives its base URL and the keys it was shown. */
async function listServer(onRequest: RequestListener = (_request, response) => response.end(LIST)) {
  const keys: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers.authorization);
    onRequest(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, keys };
}

interface Line {
  type: string;
  message: string;
  data?: Record<string, unknown>;
}

/** Lines of --json: each one an object with a type and a sentence. */
function jsonLines({ stdout }: Ended): Line[] {
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  for (const line of lines)
    expect(line).toMatchObject({ type: expect.any(String), message: expect.stringMatching(/\S/) });
  return lines;
}

const configFile = (workspace: Workspace) => join(workspace.share, "config.toml");
const config = (workspace: Workspace) => readFileSync(configFile(workspace), "utf8");
const withKey = { env: { KERNEL_LOGIN_API_KEY: KEY } };

describe("login", () => {
  it("L-001 a key from the environment: asked, stored for the owner alone, said in JSON lines", async () => {
    const workspace = createWorkspace();
    const { baseUrl, keys } = await listServer();
    const ended = await run(workspace, ["login", "--json", "--base-url", baseUrl], withKey);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const lines = jsonLines(ended);
    expect(lines.map(({ type }) => type)).toEqual(["info", "success"]);
    expect(lines.at(-1)?.data).toEqual({ provider: DEFAULT, file: configFile(workspace), model: "one", models: 2 });
    expect(keys).toEqual([`Bearer ${KEY}`]);
    expect(statSync(configFile(workspace)).mode & 0o777).toBe(0o600);
    expect(ended.stdout + ended.stderr).not.toContain(KEY);
  });

  it("L-002 a key from stdin, for a provider and a model by name; the kernel then runs on it", async () => {
    const workspace = createWorkspace();
    const model = await startModelServer([textReply("at your service")]);
    const { baseUrl, keys } = await listServer();
    const args = ["login", "--json", "--provider", "house", "--model", "two", "--api-key-stdin", "--base-url", baseUrl];
    const ended = await run(workspace, args, { input: `${KEY}\n` });
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(jsonLines(ended).at(-1)).toMatchObject({ type: "success", data: { provider: "house", model: "two" } });
    expect(keys).toEqual([`Bearer ${KEY}`]);
    const url = (model.config().providers as { fake: { base_url: string } }).fake.base_url;
    writeFileSync(configFile(workspace), config(workspace).replace(baseUrl, url));
    const kernel = startKernel(workspace, { bare: true });
    expect(text((await runTurn(kernel, "hi")).messages)).toBe("at your service");
    expect((await model.request(0)).headers.authorization).toBe(`Bearer ${KEY}`);
  });

  it("L-003 without --json: sentences, the result on stdout", async () => {
    const workspace = createWorkspace();
    const { baseUrl } = await listServer();
    const ended = await run(workspace, ["login", "--base-url", baseUrl], withKey);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).not.toMatch(/^\{/m);
    expect(ended.stdout).toContain(configFile(workspace));
  });

  it("L-004 what else stands in config.toml stays, comments too", async () => {
    const workspace = createWorkspace();
    const { baseUrl } = await listServer();
    const mine = "# my words\ndefault_thinking = true # yes\n\n[loop_control]\nmax_steps_per_turn = 7\n";
    writeFileSync(configFile(workspace), mine);
    await run(workspace, ["login", "--base-url", baseUrl], withKey);
    for (const line of mine.split("\n")) expect(config(workspace)).toContain(line);
    expect(config(workspace)).toContain(`api_key = "${KEY}"`);
  });

  it("L-005 no key: says that accounts are not supported and how it goes instead", async () => {
    const workspace = createWorkspace();
    for (const options of [{}, { input: "" }, { env: { KERNEL_LOGIN_API_KEY: "  " } }]) {
      const stdin = "input" in options ? ["--api-key-stdin"] : [];
      const ended = await run(workspace, ["login", "--json", ...stdin], options);
      expect(ended).toMatchObject({ code: 1, stderr: "" });
      expect(jsonLines(ended)).toEqual([
        { type: "error", message: expect.stringMatching(/not supported.*KERNEL_LOGIN_API_KEY/) },
      ]);
    }
  });

  it.each<readonly [what: string, status: number, body: string]>([
    ["refused", 401, `{"error":{"message":"bad key ${KEY}"}}`],
    ["without a list", 404, "<html></html>"],
    ["broken", 500, "no"],
    ["another service", 200, "<html></html>"],
  ])(
    "L-006 a server that does not take the key (%s): one error line, exit 1, nothing stored",
    async (_what, status, body) => {
      const workspace = createWorkspace();
      const { baseUrl } = await listServer((_request, response) => {
        response.writeHead(status);
        response.end(body);
      });
      const ended = await run(workspace, ["login", "--json", "--base-url", baseUrl], withKey);
      expect(ended).toMatchObject({ code: 1, stderr: "" });
      expect(jsonLines(ended).map(({ type }) => type)).toEqual(["info", "error"]);
      expect(ended.stdout).not.toContain(KEY);
      expect(() => config(workspace)).toThrow("ENOENT");
    },
  );

  it("L-007 a server that is not there: one error line, exit 1", async () => {
    const ended = await run(createWorkspace(), ["login", "--base-url", "http://127.0.0.1:9/v1"], withKey);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/^127\.0\.0\.1:9 .+\n$/) });
  });

  it("L-008 a key in the command line is refused and not repeated", async () => {
    for (const words of [[KEY], ["--api-key", KEY], [`--api-key=${KEY}`], ["--json", "--token", KEY]]) {
      const ended = await run(createWorkspace(), ["login", ...words]);
      expect(ended, words.join(" ")).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr.trim().split("\n"), words.join(" ")).toHaveLength(1);
      expect(ended.stderr).not.toContain(KEY);
    }
  });

  it("L-009 a key that no header can carry is refused", async () => {
    for (const input of ["sk one two", "sk-ü", `sk\u0007`, "x".repeat(20_000)]) {
      const ended = await run(createWorkspace(), ["login", "--json", "--api-key-stdin"], { input });
      expect(ended.code).toBe(1);
      expect(jsonLines(ended)).toEqual([{ type: "error", message: expect.stringMatching(/one line/) }]);
    }
  });

  it("L-010 a configuration that cannot be read is left as it is", async () => {
    const workspace = createWorkspace();
    writeFileSync(configFile(workspace), "[models\n");
    const ended = await run(workspace, ["login", "--json"], withKey);
    expect(ended).toMatchObject({ code: 1, stderr: "" });
    expect(jsonLines(ended)[0]).toMatchObject({ type: "error", message: expect.stringContaining("config.toml") });
    expect(config(workspace)).toBe("[models\n");
  });
});

describe("logout", () => {
  it("L-021 removes the key and nothing else; once more is no error", async () => {
    const workspace = createWorkspace();
    const { baseUrl } = await listServer();
    await run(workspace, ["login", "--base-url", baseUrl], withKey);
    const before = config(workspace);
    const first = await run(workspace, ["logout", "--json"]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(jsonLines(first)).toMatchObject([{ type: "success", data: { provider: DEFAULT, removed: true } }]);
    expect(config(workspace)).toBe(before.replace(`"${KEY}"`, '""'));
    const second = await run(workspace, ["logout"]);
    expect(second).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining(DEFAULT) });
  });

  it("L-022 names the providers whose keys stay", async () => {
    const workspace = createWorkspace();
    const { baseUrl } = await listServer();
    await run(workspace, ["login", "--provider", "house", "--base-url", baseUrl], withKey);
    const ended = await run(workspace, ["logout", "--json"]);
    expect(jsonLines(ended)[0]).toMatchObject({ type: "info", message: expect.stringContaining("house") });
    expect(config(workspace)).toContain(KEY);
    await run(workspace, ["logout", "--provider", "house"]);
    expect(config(workspace)).not.toContain(KEY);
  });
});
