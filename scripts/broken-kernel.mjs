/**
 * The real kernel with one deliberate fault on the wire, to show that the end-to-end suite notices it.
 * BROKEN_KERNEL names the fault; without it this is the kernel as it is.
 */
import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Each takes one message of the kernel and gives what the client sees instead; `tell` writes to the kernel. */
export const faults = {
  "drop-turn-end": (message) => (isEvent(message, "TurnEnd") ? [] : [message]),
  "response-before-turn-end": reorderTurnEnd(),
  "drop-nulls": (message) => (message.method === "event" ? [withoutNulls(message)] : [message]),
  "answers-approvals": (message, tell) => {
    if (message.method !== "request") return [message];
    tell({ jsonrpc: "2.0", id: message.id, result: { request_id: message.id, response: "approve" } });
    return [message];
  },
  "merges-text": mergeText(),
  "wrong-error-code": (message) =>
    message.error === undefined ? [message] : [{ ...message, error: { ...message.error, code: -32603 } }],
  "string-ids-only": (message) =>
    typeof message.id === "number" ? [{ ...message, id: String(message.id) }] : [message],
  "other-request-id": (message) => (message.method === "request" ? [{ ...message, id: `${message.id}x` }] : [message]),
  "null-capabilities": (message) =>
    message.result?.protocol_version === undefined
      ? [message]
      : [{ ...message, result: { ...message.result, capabilities: null } }],
  "noise-on-stdout": (message) => ["starting up...", message],
  "swallows-refusals": (message) => (message.id === null ? [] : [message]),
};

function isEvent(message, type) {
  return message.method === "event" && message.params.type === type;
}

function reorderTurnEnd() {
  let held = [];
  return (message) => {
    if (isEvent(message, "TurnEnd")) {
      held = [message];
      return [];
    }
    const late = message.method === undefined ? held : [];
    if (late.length > 0) held = [];
    return [message, ...late];
  };
}

function mergeText() {
  let kept = null;
  return (message) => {
    if (isEvent(message, "ContentPart") && message.params.payload.type === "text") {
      if (kept === null) kept = message;
      else kept.params.payload.text += message.params.payload.text;
      return [];
    }
    const before = kept === null ? [] : [kept];
    kept = null;
    return [...before, message];
  };
}

function withoutNulls(value) {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutNulls(item)]));
}

function run() {
  // Faults are made line by line, so a stream with headers passes as it is.
  const name = process.argv.includes("--framing") ? "" : (process.env.BROKEN_KERNEL ?? "");
  const fault = faults[name];
  if (name !== "" && fault === undefined) {
    process.stderr.write(`No such fault: ${name}. There are: ${Object.keys(faults).join(", ")}.\n`);
    process.exit(2);
  }
  const kernel = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "bin", "kernel.js");
  const child = spawn(process.execPath, [kernel, ...process.argv.slice(2)], { stdio: ["pipe", "pipe", "inherit"] });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.stdin.on("error", () => {});
  process.stdout.on("error", () => child.stdout.destroy());
  process.stdin.pipe(child.stdin);
  if (name === "") child.stdout.pipe(process.stdout);
  else breakLines(child, fault);
  child.once("close", (code, signal) => {
    process.stdin.destroy();
    if (signal === null) process.exitCode = code;
    else process.kill(process.pid, signal);
  });
}

function breakLines(child, fault) {
  const tell = (message) => child.stdin.write(`${JSON.stringify(message)}\n`);
  let partial = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    const lines = (partial + chunk).split("\n");
    partial = lines.pop();
    for (const line of lines) {
      for (const out of transform(line, fault, tell)) process.stdout.write(`${out}\n`);
    }
  });
}

function transform(line, fault, tell) {
  let message;
  try {
    message = JSON.parse(line);
  } catch {
    return [line];
  }
  return fault(message, tell).map((out) => (typeof out === "string" ? out : JSON.stringify(out)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) run();
