/** `kernel mcp`: the published texts, streams and exit codes, and the way to the tokens of a remote server. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say } from "./echo-scripts.js";
import { kernelCommand, kernelEnvironment, startKernel } from "./kernel-process.js";
import { everythingServer, PATIENT, startEverything, statuses, withServers } from "./mcp-servers.js";
import { startOAuthMcpServer } from "./oauth-mcp-server.js";
import { until } from "./process-scan.js";
import { stubServer } from "./stub-mcp-server.js";
import { payloads, runTurn } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `kernel mcp ...` to its end; `onOutput` is told everything on stdout so far. */
async function mcp(workspace: Workspace, args: readonly string[], onOutput?: (stdout: string) => void): Promise<Ran> {
  const [program, ...head] = kernelCommand();
  const child = spawn(program as string, [...head, "mcp", ...args], {
    cwd: workspace.workDir,
    env: kernelEnvironment(workspace),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 15_000,
  });
  const ran: Ran = { code: null, stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    ran.stdout += chunk;
    onOutput?.(ran.stdout);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    ran.stderr += chunk;
  });
  [ran.code] = (await once(child, "close")) as [number | null];
  return ran;
}

const file = (workspace: Workspace) => join(workspace.share, "mcp.json");
const stored = (workspace: Workspace) => JSON.parse(readFileSync(file(workspace), "utf8")) as unknown;
const put = (workspace: Workspace, mcpServers: Record<string, unknown>) =>
  writeFileSync(file(workspace), JSON.stringify({ mcpServers }));
/** What the kernel has logged so far; its first records come a moment late. */
const logged = ({ share }: Workspace) => {
  const file = join(share, "logs", "kernel.log");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
};
const ok = (stdout: string): Ran => ({ code: 0, stdout, stderr: "" });
const failed = (stderr: string, stdout = ""): Ran => ({ code: 1, stdout, stderr: `${stderr}\n` });

describe("entries", () => {
  it("M-501 add writes a process and a remote server, and says so", async () => {
    const workspace = createWorkspace();
    const path = file(workspace);
    expect(await mcp(workspace, ["add", "a", "--", "npx", "-y", "tool", "--flag"])).toEqual(
      ok(`Added MCP server 'a' to ${path}.\n`),
    );
    expect(await mcp(workspace, ["add", "b", "-e", "K=v", "--env", "L=w=x", "--", "run"])).toMatchObject({ code: 0 });
    const remote = ["add", "--transport", "http", "c", "https://h/mcp", "-H", "Authorization:  Bearer x "];
    expect(await mcp(workspace, remote)).toEqual(ok(`Added MCP server 'c' to ${path}.\n`));
    expect(await mcp(workspace, ["add", "-t", "http", "d", "https://h/d", "-a", "oauth"])).toMatchObject({ code: 0 });
    expect(stored(workspace)).toEqual({
      mcpServers: {
        a: { command: "npx", args: ["-y", "tool", "--flag"] },
        b: { command: "run", args: [], env: { K: "v", L: "w=x" } },
        c: { url: "https://h/mcp", transport: "http", headers: { Authorization: "Bearer x" } },
        d: { url: "https://h/d", transport: "http", auth: "oauth" },
      },
    });
    expect(readFileSync(path, "utf8")).toContain('{\n  "mcpServers": {\n    "a": {\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("M-502 list shows them in their order, and what wants an authorization", async () => {
    const workspace = createWorkspace();
    const head = `MCP config file: ${file(workspace)}\n`;
    expect(await mcp(workspace, ["list"])).toEqual(ok(`${head}No MCP servers configured.\n`));
    put(workspace, {
      z: { command: "npx", args: ["-y", "tool"] },
      a: { url: "https://h/mcp", transport: "http" },
      o: { url: "https://h/o", transport: "streamable-http", auth: "oauth" },
    });
    expect(await mcp(workspace, ["list"])).toEqual(
      ok(
        `${head}  z (stdio): npx -y tool\n  a (http): https://h/mcp\n  o (http): https://h/o [authorization required - run: kernel mcp auth o]\n`,
      ),
    );
  });

  it("M-503 remove takes one entry out and leaves the rest of the file", async () => {
    const workspace = createWorkspace();
    writeFileSync(file(workspace), JSON.stringify({ other: 1, mcpServers: { a: { command: "x" } } }));
    expect(await mcp(workspace, ["remove", "a"])).toEqual(ok(`Removed MCP server 'a' from ${file(workspace)}.\n`));
    expect(stored(workspace)).toEqual({ other: 1, mcpServers: {} });
  });

  for (const action of ["remove", "test", "auth", "reset-auth"]) {
    it(`M-504 ${action} of an unknown name is said on stderr with exit code 1`, async () => {
      expect(await mcp(createWorkspace(), [action, "nope"])).toEqual(failed("MCP server 'nope' not found."));
    });
  }

  it("M-505 what cannot be meant is refused with exit code 2 and changes nothing", async () => {
    const workspace = createWorkspace();
    const rows = [
      [],
      ["bogus"],
      ["add"],
      ["add", "a"],
      ["add", "-t", "http", "a"],
      ["add", "-t", "http", "a", "https://h", "https://i"],
      ["add", "-t", "ftp", "a", "x"],
      ["add", "-t", "http", "-e", "K=v", "a", "https://h"],
      ["add", "-e", "novalue", "a", "--", "x"],
      ["add", "--bogus", "a", "x"],
      ["remove"],
    ];
    for (const args of rows) {
      const ran = await mcp(workspace, args);
      expect({ code: ran.code, stdout: ran.stdout }, args.join(" ")).toEqual({ code: 2, stdout: "" });
      expect(ran.stderr.trim(), args.join(" ")).toMatch(/^[^\n]+$/);
    }
    expect(existsSync(file(workspace))).toBe(false);
  });
});

describe("connections", () => {
  it("M-511 test lists the tools of a server", async () => {
    const workspace = createWorkspace();
    put(workspace, { all: everythingServer });
    const ran = await mcp(workspace, ["test", "all"]);
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: "" });
    const lines = ran.stdout.split("\n");
    expect(lines.slice(0, 5)).toEqual([
      "Testing connection to 'all'...",
      "✓ Connected to 'all'",
      expect.stringMatching(/^ {2}Available tools: \d+$/),
      "  Tools:",
      "    - echo: Echoes back the input string",
    ]);
    const cut = lines.filter((line) => line.endsWith("..."));
    expect(cut.length).toBeGreaterThan(1);
    for (const line of cut.slice(1)) expect(line.split(": ").slice(1).join(": ")).toHaveLength(50);
  });

  it("M-512 test reaches a server over HTTP", async () => {
    const workspace = createWorkspace();
    put(workspace, { all: { url: await startEverything("streamableHttp") } });
    expect(await mcp(workspace, ["test", "all"])).toMatchObject({ code: 0, stderr: "" });
  });

  it("M-513 test says on stderr why it failed, with exit code 1", async () => {
    const workspace = createWorkspace();
    put(workspace, { gone: { command: "/nonexistent/cmd" }, exit: stubServer("exit"), odd: {} });
    for (const name of ["gone", "exit", "odd"]) {
      const ran = await mcp(workspace, ["test", name]);
      expect({ code: ran.code, stdout: ran.stdout }).toEqual({
        code: 1,
        stdout: `Testing connection to '${name}'...\n`,
      });
      expect(ran.stderr).toMatch(/^✗ Connection failed: \w+: [^\n]+\n$/);
    }
  });

  it("M-514 auth and reset-auth know which servers have something to do with them", async () => {
    const workspace = createWorkspace();
    put(workspace, { s: { command: "x" }, h: { url: "https://h", transport: "http" } });
    const noOAuth = "MCP server 'h' does not use OAuth. Add with --auth oauth.";
    expect(await mcp(workspace, ["auth", "s"])).toEqual(failed("MCP server 's' is not a remote server."));
    expect(await mcp(workspace, ["auth", "h"])).toEqual(failed(noOAuth));
    expect(await mcp(workspace, ["reset-auth", "s"])).toEqual(failed("MCP server 's' is not a remote server."));
    expect(await mcp(workspace, ["reset-auth", "h"])).toEqual(ok("OAuth tokens cleared for 'h'.\n"));
  });
});

describe("OAuth", () => {
  it("M-521 unauthorized until the user has allowed it; then the tools join, and tokens are kept 0600", async () => {
    const remote = await startOAuthMcpServer();
    const workspace = createWorkspace({
      scripts: [say("a"), say("b"), call("t1", "secret"), say("c")],
      config: PATIENT,
    });
    put(workspace, { o: { url: remote.url, transport: "http", auth: "oauth" } });
    const kernel = startKernel(workspace, { args: ["--yolo"] });
    const first = await runTurn(kernel, "go");
    expect(statuses(first.messages).at(-1)).toMatchObject({ loading: false, servers: [{ status: "unauthorized" }] });
    expect(remote.requests).toEqual([]);

    let asked = false;
    const ran = await mcp(workspace, ["auth", "o"], (stdout) => {
      const address = /(http:\/\/\S+\/authorize\S+)\s/.exec(stdout)?.[1];
      if (address === undefined || asked) return;
      asked = true;
      void fetch(address);
    });
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const folder = join(workspace.share, "mcp-oauth");
    expect(readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([0o600]);
    expect((await mcp(workspace, ["list"])).stdout).not.toContain("authorization required");

    // The kernel tries again when a turn begins, and goes on without waiting.
    await runTurn(kernel, "again");
    await until("connected", () => logged(workspace).includes("MCP server connected"));
    const third = await runTurn(kernel, "and again");
    expect(payloads(third.messages, "ToolResult")).toMatchObject([{ return_value: { output: [{ text: "42" }] } }]);

    expect((await mcp(workspace, ["reset-auth", "o"])).code).toBe(0);
    expect((await mcp(workspace, ["list"])).stdout).toContain("authorization required");
    expect(logged(workspace)).not.toContain("access_token");
  });

  it("M-522 a server that refuses its headers is unauthorized too, and costs nothing else", async () => {
    const remote = await startOAuthMcpServer();
    const workspace = createWorkspace({ scripts: [say("a")], config: PATIENT });
    const kernel = startKernel(workspace, { args: withServers(workspace, { o: { url: remote.url } }) });
    const turn = await runTurn(kernel, "go");
    expect(statuses(turn.messages).at(-1)).toMatchObject({ servers: [{ status: "unauthorized" }] });
    expect(turn.response.result).toEqual({ status: "finished" });
  });
});
