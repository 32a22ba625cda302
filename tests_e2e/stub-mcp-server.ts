/**
 * A fake MCP server over stdio, for what real ones do not do on purpose: silence, floods, exits, too many tools. It
 * speaks just enough of the protocol, without any library.
 */

export type StubMode =
  | "good"
  /** Reads and never answers. */
  | "silent"
  | "exit"
  /** Endless lines on stdout that are no messages. */
  | "flood"
  /** One endless line. */
  | "endless"
  /** Prints to stdout and stderr between its messages. */
  | "chatty"
  /** Offers 10,000 tools in one page. */
  | "many"
  /** Offers one tool a page, for ever. */
  | "pages"
  /** Answers only once the file named in STUB_FILE exists. */
  | "late";

/**
 * Tools of `good`: ping (fails for text "boom"), env, hang (never answers), die (ends the process), pid, big, and
 * "odd name!", whose name no model API takes. STUB_CALLS names a file that gets a line for each call.
 */
const PROGRAM = `
const fs = require("node:fs");
const mode = process.argv[1];
const schema = { type: "object", properties: { text: { type: "string" } }, required: ["text"] };
const none = { type: "object", properties: {} };
const tool = (name, inputSchema = none) => ({ name, description: "Tool " + name, inputSchema });
const tools = [tool("ping", schema), ...["env", "hang", "die", "pid", "big", "odd name!"].map((name) => tool(name))];
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
const text = (value, isError) => ({ content: [{ type: "text", text: value }], ...(isError ? { isError } : {}) });
const calls = {
  ping: (args) => (args.text === "boom" ? text("boom", true) : text("pong:" + args.text)),
  env: () => text(JSON.stringify(process.env)),
  hang: () => null,
  die: () => process.exit(7),
  pid: () => text(String(process.pid)),
  big: () => text("x".repeat(300000)),
  "odd name!": () => text("odd"),
};
function list(cursor) {
  if (mode === "many") return { tools: Array.from({ length: 10000 }, (_, n) => tool("tool_" + n, schema)) };
  if (mode === "pages") return { tools: [tool("page_" + (cursor ?? 0))], nextCursor: String(Number(cursor ?? 0) + 1) };
  return { tools };
}
function answer({ id, method, params }) {
  if (id === undefined) return;
  if (method === "initialize") {
    const serverInfo = { name: "stub", version: "1" };
    send({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo } });
  } else if (method === "tools/list") send({ id, result: list(params?.cursor) });
  else if (method === "tools/call") {
    if (process.env.STUB_CALLS) fs.appendFileSync(process.env.STUB_CALLS, params.name + "\\n");
    const call = calls[params.name];
    const result = call === undefined ? undefined : call(params.arguments ?? {});
    if (result === undefined) send({ id, error: { code: -32602, message: "no such tool" } });
    else if (result !== null) send({ id, result });
  } else send({ id, error: { code: -32601, message: "no such method" } });
}
function serve() {
  let rest = "";
  process.stdin.setEncoding("utf8");
  process.stdin.on("data", (chunk) => {
    const lines = (rest + chunk).split("\\n");
    rest = lines.pop();
    if (mode === "silent") return;
    for (const line of lines) {
      if (mode === "chatty") process.stdout.write("Listening ...\\n{ not json\\n[1]\\n\\n");
      if (mode === "chatty") process.stderr.write("key " + process.env.STUB_KEY + "\\n");
      answer(JSON.parse(line));
    }
  });
  process.stdin.on("end", () => process.exit(0));
}
function pour(line) {
  while (process.stdout.write(line)) {}
  process.stdout.once("drain", () => pour(line));
}
if (mode === "exit") process.exit(3);
else if (mode === "flood") pour("all work and no play ".repeat(200) + "\\n");
else if (mode === "endless") pour("x".repeat(65536));
else if (mode === "late") {
  const timer = setInterval(() => {
    if (!fs.existsSync(process.env.STUB_FILE)) return;
    clearInterval(timer);
    serve();
  }, 10);
} else serve();
`;

/** The entry of an MCP configuration that starts it. */
export function stubServer(mode: StubMode, env: Record<string, string> = {}): Record<string, unknown> {
  return { command: process.execPath, args: ["-e", PROGRAM, mode], env };
}
