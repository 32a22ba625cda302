/** MCP servers that misbehave: each costs itself and nothing else. */
import { describe, expect, it } from "vitest";
import { call, say } from "./echo-scripts.js";
import { startKernel } from "./kernel-process.js";
import { statuses, withServers } from "./mcp-servers.js";
import { memoryMiB } from "./process-scan.js";
import { type StubMode, stubServer } from "./stub-mcp-server.js";
import { payloads, runTurn } from "./turn.js";
import { createWorkspace } from "./workspace.js";

/** A bound that a hostile server runs into, and a good one on a loaded machine does not. */
const config = { mcp: { client: { loading_wait_ms: 4_000, connect_timeout_ms: 3_000 } } };

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
      const workspace = createWorkspace({ scripts: [call("t1", "ping", { text: "x" }), say("done")], config });
      const servers = { good: stubServer("good"), bad: stubServer(mode) };
      const kernel = startKernel(workspace, { args: [...withServers(workspace, servers), "--yolo"] });
      const began = Date.now();
      await kernel.initialize();
      expect(Date.now() - began).toBeLessThan(1_500);
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
    const workspace = createWorkspace({ scripts: [say("a")], config });
    const kernel = startKernel(workspace, { args: withServers(workspace, { many: stubServer("many") }) });
    const turn = await runTurn(kernel, "go");
    expect(payloads(turn.messages, "Notification")).toMatchObject([
      { body: "MCP server many: it offers more tools than are taken; the first 128 are." },
    ]);
  });
});
