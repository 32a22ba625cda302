/** An MCP server with one tool that leaves a mark, for turns whose kernel dies. It ends with its stdin. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MCP_EFFECTS_FILE, MCP_TOOL } from "./turn-plan.js";

const PROGRAM = `
const fs = require("node:fs");
const [file, name] = process.argv.slice(2);
const inputSchema = { type: "object", properties: { effect: { type: "string" } }, required: ["effect"] };
const results = {
  initialize: ({ protocolVersion }) => {
    return { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "effects", version: "1" } };
  },
  "tools/list": () => ({ tools: [{ name, description: "Leaves a mark.", inputSchema }] }),
  "tools/call": ({ arguments: { effect } }) => {
    fs.appendFileSync(file, effect + "\\n");
    return { content: [{ type: "text", text: "done" }] };
  },
};
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  const result = results[method];
  if (id === undefined) return;
  const answer = result === undefined ? { error: { code: -32601, message: "no" } } : { result: result(params) };
  process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, ...answer }) + "\\n");
});
`;

/** The flags that give a kernel this server. Its program is put into the folder of the work dir. */
export function effectServer(workDir: string): string[] {
  const program = join(workDir, "..", "effect-server.cjs");
  writeFileSync(program, PROGRAM);
  const effects = { command: process.execPath, args: [program, join(workDir, MCP_EFFECTS_FILE), MCP_TOOL] };
  return ["--mcp-config", JSON.stringify({ mcpServers: { effects } })];
}
