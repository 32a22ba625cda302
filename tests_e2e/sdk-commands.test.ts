/** The commands that the Node SDK runs beside its sessions: login, logout, MCP; and the configuration it reads itself. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  authMCP,
  isLoggedIn,
  login,
  logout,
  parseConfig,
  resetAuthMCP,
  saveDefaultModel,
  testMCP,
} from "@moonshot-ai/kimi-agent-sdk";
import { expect, it, onTestFinished } from "vitest";
import { everythingServer } from "./mcp-servers.js";
import { executable, sdkEnvironment } from "./sdk-session.js";
import { createWorkspace, type Workspace } from "./workspace.js";

function options(workspace: Workspace, extra: Record<string, string> = {}) {
  return { executable: executable(workspace), env: sdkEnvironment(workspace, extra) };
}

/** A fake of a provider's model list. */
async function listServer(): Promise<string> {
  const models = ["one", "two"].map((id) => ({ id, context_length: 9_000, supports_reasoning: true }));
  const server = createServer((_request, response) => response.end(JSON.stringify({ data: models })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

it("N-081 login with a key in the environment, logout: the SDK sees both in the configuration", async () => {
  const workspace = createWorkspace();
  const { share } = workspace;
  const provider = `[providers."managed:kimi-code"]\ntype = "kimi"\nbase_url = "${await listServer()}"\napi_key = ""\n`;
  writeFileSync(join(share, "config.toml"), provider);
  expect(isLoggedIn(share)).toBe(false);
  const urls: string[] = [];
  const withKey = options(workspace, { KERNEL_LOGIN_API_KEY: "sk-test" });
  expect(await login({ ...withKey, onUrl: (url) => urls.push(url) })).toEqual({ success: true });
  expect(urls).toEqual([]);
  expect(isLoggedIn(share)).toBe(true);
  expect(parseConfig(share)).toEqual({
    defaultModel: "one",
    defaultThinking: false,
    models: [{ id: "one", name: "one", capabilities: ["thinking"] }],
  });
  expect(await logout(options(workspace))).toEqual({ success: true });
  expect(isLoggedIn(share)).toBe(false);
});

it("N-082 login without a key fails with the reason", async () => {
  const outcome = await login(options(createWorkspace()));
  expect(outcome).toEqual({ success: false, error: expect.stringContaining("KERNEL_LOGIN_API_KEY") });
});

it("N-083 a default model that the SDK saves is the one the kernel's next login keeps", async () => {
  const workspace = createWorkspace();
  const { share } = workspace;
  const provider = `[providers."managed:kimi-code"]\ntype = "kimi"\nbase_url = "${await listServer()}"\napi_key = ""\n`;
  const model = '\n[models.mine]\nprovider = "managed:kimi-code"\nmodel = "two"\nmax_context_size = 9000\n';
  writeFileSync(join(share, "config.toml"), provider + model);
  saveDefaultModel("mine", true, share);
  expect(await login(options(workspace, { KERNEL_LOGIN_API_KEY: "sk-test" }))).toEqual({ success: true });
  expect(parseConfig(share)).toMatchObject({ defaultModel: "mine", defaultThinking: true });
});

it("N-084 MCP servers: test shows the tools, auth and reset-auth say what is wrong", async () => {
  const workspace = createWorkspace();
  writeFileSync(join(workspace.share, "mcp.json"), JSON.stringify({ mcpServers: { all: everythingServer } }));
  const cli = options(workspace);
  const tested = await testMCP("all", cli);
  expect(tested).toMatchObject({ success: true, output: expect.stringContaining("    - echo: ") });
  expect(await testMCP("none", cli)).toEqual({ success: false, output: "MCP server 'none' not found." });
  await expect(authMCP("all", cli)).rejects.toThrow("MCP server 'all' is not a remote server.");
  await expect(resetAuthMCP("none", cli)).rejects.toThrow("MCP server 'none' not found.");
});
