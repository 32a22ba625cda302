/** Conversations with MCP servers. They begin without initialize, so that the first turn always finds them loading. */
import { call, say } from "../echo-scripts.js";
import type { KernelProcess, Message } from "../kernel-process.js";
import type { Scenario } from "./scenarios.js";

/** A fake MCP server with one tool, ping, which fails for the text "boom". */
const SERVER = `
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
const inputSchema = { type: "object", properties: { text: { type: "string" } }, required: ["text"] };
const initialized = { capabilities: { tools: {} }, serverInfo: { name: "good", version: "1" } };
const pong = (text) => ({ content: [{ type: "text", text: text === "boom" ? text : "pong:" + text }], isError: text === "boom" });
const answers = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, ...initialized }),
  "tools/list": () => ({ tools: [{ name: "ping", description: "Says it back.", inputSchema }] }),
  "tools/call": ({ arguments: { text } }) => pong(text),
};
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id !== undefined) send({ id, result: answers[method](params) });
});
`;

const servers = (mcpServers: object) => ["--mcp-config", JSON.stringify({ mcpServers })];
/** Time for a loaded machine to start the server. */
const mcp = { client: { loading_wait_ms: 15_000 } };

/** Runs one prompt and answers its approvals, one for each given response. */
async function approving(kernel: KernelProcess, ...responses: ("approve" | "approve_for_session")[]): Promise<Message> {
  const id = kernel.request("prompt", { user_input: "go" });
  for (const response of responses) kernel.approve(await kernel.serverRequest("ApprovalRequest"), response);
  return await kernel.response(id);
}

export const mcpScenarios: Scenario[] = [
  {
    name: "mcp",
    about: "The first turn waits for an MCP server; its tool fails, is called with bad arguments, and answers.",
    scripts: [
      call("t1", "ping", { text: "boom" }),
      call("t2", "ping", {}),
      call("t3", "ping", { text: "q" }),
      call("t4", "ping", { text: "r" }),
      say("a"),
      say("b"),
    ],
    args: servers({ good: { command: "node", args: ["server.cjs"] } }),
    files: { "server.cjs": SERVER },
    mcp,
    run: async (kernel) => {
      await approving(kernel, "approve", "approve_for_session");
      await approving(kernel);
    },
  },
  {
    name: "mcp-fails",
    about: "An MCP server that cannot be started fails no turn.",
    scripts: [say("a"), say("b")],
    args: servers({ bad: { command: "/nonexistent/cmd" } }),
    mcp,
    run: async (kernel) => {
      await approving(kernel);
      await approving(kernel);
    },
  },
];
