// A fake: a Wire kernel of somebody else, with session files and without a journal or any extension. The words say its
// version and what its first turn comes to: `1.1|1.10 talks|dies|dies-always|vanishes`. It takes the flags `--wire`, `--session`.
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { onLines } from "../lf-lines.mjs";

const [, , version, fate, ...flags] = process.argv;
const flag = (name) => flags[flags.indexOf(name) + 1];
const old = version === "1.1";
const session = flag("--session");
const group = createHash("md5").update(process.cwd(), "utf8").digest("hex");
const folder = join(process.env.KIMI_SHARE_DIR, "sessions", group, session);
const contextFile = join(folder, "context.jsonl");
const isSecondLife = existsSync(contextFile);
mkdirSync(folder, { recursive: true });

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const store = (file, record) => appendFileSync(join(folder, file), `${JSON.stringify(record)}\n`);
const context = (record) => store("context.jsonl", record);
const event = (type, payload) => {
  store("wire.jsonl", { timestamp: Date.now() / 1000, message: { type, payload } });
  send({ method: "event", params: { type, payload } });
};
let approved = () => {};
let checkpoint = 0;

function initialize(id) {
  if (old)
    return send({
      id,
      result: {
        protocol_version: "1.1",
        server: { name: "foreign", version: "0" },
        slash_commands: [],
        external_tools: null,
        capabilities: null,
        hooks: null,
      },
      error: null,
    });
  send({ id, result: { protocol_version: "1.10", server: { name: "foreign", version: "0" }, slash_commands: [] } });
}

async function prompt(id, input) {
  if (!existsSync(contextFile)) {
    store("wire.jsonl", { type: "metadata", protocol_version: version });
    context({ role: "_system_prompt", content: "You are foreign." });
  }
  context({ role: "_checkpoint", id: checkpoint++ });
  context({ role: "user", content: input });
  event("TurnBegin", { user_input: input });
  event("StepBegin", { n: 1 });
  context({ role: "_checkpoint", id: checkpoint++ });
  event("HorseBegin", { horses: 2 });
  event("ContentPart", { type: "text", text: "foreign" });
  const call = { type: "function", id: "f1", function: { name: "Shell", arguments: '{"command":"true"}' } };
  event("ToolCall", call);
  const request = {
    id: "a1",
    tool_call_id: "f1",
    sender: "Shell",
    action: "run command",
    description: "true",
    display: [],
  };
  const decision = new Promise((resolve) => (approved = resolve));
  send({ id: old ? 41 : "a1", method: "request", params: { type: "ApprovalRequest", payload: request } });
  const answer = await decision;
  context({ role: "assistant", content: "foreign", tool_calls: [call] });
  if (fate !== "talks") {
    if (fate === "vanishes") unlinkSync(process.env.E2E_PROGRAM);
    // The call hangs in the air, here and in the files.
    process.kill(process.pid, "SIGKILL");
    return;
  }
  const value = { is_error: false, output: answer, message: "", display: [] };
  event("ToolResult", { tool_call_id: "f1", return_value: value });
  context({ role: "tool", tool_call_id: "f1", content: answer });
  const result = { status: "finished", steps: null };
  if (old) {
    send({ id, result, error: null });
    // Behind the answer, and in a write of its own.
    setTimeout(event, 20, "TurnEnd", {});
  } else {
    event("TurnEnd", {});
    send({ id, result });
  }
}

if (fate === "dies" && isSecondLife) process.exit(1);
onLines(process.stdin, (line) => {
  const { id, method, params, result } = JSON.parse(line);
  if (method === "initialize") initialize(id);
  else if (method === "prompt") void prompt(id, params.user_input);
  else if (method !== undefined) send({ id, error: { code: -32601, message: `Method not found: ${method}` } });
  else if (id === (old ? 41 : "a1"))
    approved(`${result.response}, ${readFileSync(contextFile, "utf8").split("\n").length} lines`);
});
process.stdin.on("end", () => process.exit(0));
