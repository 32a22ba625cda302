/** MCP servers that are not ours, and how a kernel under test is told of servers. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Message } from "./kernel-process.js";
import { DEFAULT_WAIT_MS } from "./kernel-process.js";
import { payloads } from "./turn.js";
import type { Workspace } from "./workspace.js";

const require = createRequire(import.meta.url);
const EVERYTHING = require.resolve("@modelcontextprotocol/server-everything/dist/index.js");
const FILESYSTEM = require.resolve("@modelcontextprotocol/server-filesystem/dist/index.js");

/** Config keys: a loaded machine must not make the first turn go on without a server that will come. */
export const PATIENT = { mcp: { client: { loading_wait_ms: 15_000 } } };

export const everythingServer = { command: process.execPath, args: [EVERYTHING, "stdio"] };

export function filesystemServer(folder: string): Record<string, unknown> {
  return { command: process.execPath, args: [FILESYSTEM, folder] };
}

/** Flags that name these servers by a file. */
export function withServers(workspace: Workspace, servers: Record<string, unknown>): string[] {
  const file = join(workspace.home, "servers.json");
  writeFileSync(file, JSON.stringify({ mcpServers: servers }));
  return ["--mcp-config-file", file];
}

/** Starts the everything server on a free loopback port until the test ends. Gives its URL. */
export async function startEverything(transport: "streamableHttp" | "sse"): Promise<string> {
  // It cannot choose its port itself, and somebody may take the one that was free a moment ago.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startEverythingOn(await freePort(), transport);
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

async function startEverythingOn(port: number, transport: "streamableHttp" | "sse"): Promise<string> {
  const child = spawn(process.execPath, [EVERYTHING, transport], {
    env: { PATH: process.env.PATH ?? "", PORT: String(port) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no server in ${DEFAULT_WAIT_MS} ms: ${said}`)), DEFAULT_WAIT_MS);
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk;
      if (!said.includes(` on port ${port}\n`)) return;
      clearTimeout(timer);
      resolve();
    });
    void ended.then(() => {
      clearTimeout(timer);
      reject(new Error(`the server ended: ${said}`));
    });
  });
  return `http://127.0.0.1:${port}/${transport === "sse" ? "sse" : "mcp"}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

export interface McpStatus {
  loading: boolean;
  connected: number;
  total: number;
  tools: number;
  servers: { name: string; status: string; tools: string[] }[];
}

/** Every mcp_status that was told, in order. */
export function statuses(messages: readonly Message[]): McpStatus[] {
  return payloads(messages, "StatusUpdate").flatMap(({ mcp_status: status }) =>
    status === null ? [] : [status as McpStatus],
  );
}
