/** MCP servers that misbehave: each costs itself and nothing else. */
import { describe, expect, it } from "vitest";
import { call, say } from "./echo-scripts.js";
import { startKernel } from "./kernel-process.js";
import { statuses, withServers } from "./mcp-servers.js";
import { memoryMiB } from "./process-scan.js";
import { type StubMode, stubServer } from "./stub-mcp-server.js";
import { payloads, runTurn } from "./turn.js";
import { createWorkspace } from "./workspace.js";

/** Only silence runs into the time limit; a loaded machine needs most of it for the good server. */
const config = (mode: StubMode) => ({
  mcp: { client: { loading_wait_ms: 14_000, connect_timeout_ms: mode === "silent" ? 5_000 : 13_000 } },
});
/** Far below those limits: initialize waits for no server. */
const AT_ONCE_MS = 4_000;

describe("beside a good server", () => {
  const rows: [mode: StubMode, state: string, tools: number][] = [
    ["silent", "failed", 0],
    ["exit", "failed", 0],
    ["flood", "failed", 0],
    ["endless", "failed", 0],
    ["many", "connected", 128],
    ["pages", "connected", 32],
    ["chatty", "connected", 7],
  ];
  for (const [mode, state, tools] of rows) {
    it(`M-401 one that is ${mode}`, async () => {
      const workspace = createWorkspace({
        scripts: [call("t1", "ping", { text: "x" }), say("done")],
        config: config(mode),
      });
      const servers = { good: stubServer("good"), bad: stubServer(mode) };
      const kernel = startKernel(workspace, { args: [...withServers(workspace, servers), "--yolo"] });
      const began = Date.now();
      await kernel.initialize();
      expect(Date.now() - began).toBeLessThan(AT_ONCE_MS);
      const turn = await runTurn(kernel, "go");
      expect(turn.response.result).toEqual({ status: "finished" });
      expect(payloads(turn.messages, "ToolResult")).toMatchObject([
        { return_value: { is_error: false, output: [{ type: "text", text: "pong:x" }] } },
      ]);
      const [good, bad] = statuses(turn.messages).at(-1)?.servers ?? [];
      expect(good?.status).toBe("connected");
      expect({ status: bad?.status, tools: bad?.tools.length }).toEqual({ status: state, tools });
      expect(memoryMiB(kernel, "VmHWM")).toBeLessThan(500);
      expect(kernel.noise).toEqual([]);
      expect((await kernel.close()).code).toBe(0);
    });
  }

  it("M-402 the user is told what was left out of 10,000 tools", async () => {
    const workspace = createWorkspace({ scripts: [say("a")], config: config("many") });
    const kernel = startKernel(workspace, { args: withServers(workspace, { many: stubServer("many") }) });
    const turn = await runTurn(kernel, "go");
    expect(payloads(turn.messages, "Notification")).toMatchObject([
      { body: "MCP server many: it offers more tools than are taken; the first 128 are." },
    ]);
  });
});
