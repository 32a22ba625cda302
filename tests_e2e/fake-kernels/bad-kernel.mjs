// A fake: a Wire kernel without sessions that breaks the protocol in one way, which the first word names.
import { onLines } from "../lf-lines.mjs";

const LONG_BLOCKS = 101;
const block = Buffer.alloc(1024 * 1024, "x");
const [, , fault] = process.argv;
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const eventOf = (type, payload) => ({ method: "event", params: { type, payload } });
const event = (type, payload) => send(eventOf(type, payload));
const text = (words) => event("ContentPart", { type: "text", text: words });
const info = { protocol_version: "1.10", server: { name: "bad", version: "0" }, slash_commands: [] };
const finished = { status: "finished" };

/** Sends 101 MiB in one line where the message says LONG: as bytes, for text of that size costs half a second a time. */
function sendLong(message) {
  const [before, after] = JSON.stringify({ jsonrpc: "2.0", ...message }).split("LONG");
  process.stdout.write(before);
  for (let n = 0; n < LONG_BLOCKS; n += 1) process.stdout.write(block);
  process.stdout.write(`${after}\n`);
}

/** What one fault does instead of the ordinary answer. */
const initialize = {
  "late-initialize": (id) => void setTimeout(send, 60_000, { id, result: info }),
  "long-initialize": (id) => sendLong({ id, result: { ...info, server: { name: "LONG", version: "0" } } }),
  "old-version": (id) => send({ id, result: { ...info, protocol_version: "2.0" } }),
  "no-version": (id) => send({ id, result: {} }),
  "refuses-initialize": (id) => send({ id, error: { code: -32603, message: "Internal error" } }),
  "events-first": (id) => {
    for (let n = 0; n < 1000; n += 1) text(`stray ${n}`);
    send({ id, result: info });
  },
};
const prompt = {
  twice: (id) => {
    send({ id: "nobody", result: finished });
    send({ id: 7, result: finished });
    send({ id: null, result: finished });
    text("once");
    event("TurnEnd", {});
    send({ id, result: finished });
    send({ id, result: { status: "cancelled" } });
    send({ id, error: { code: -32603, message: "Internal error" } });
  },
  "long-event": (id) => {
    sendLong(eventOf("ContentPart", { type: "text", text: "LONG" }));
    event("TurnEnd", {});
    send({ id, result: finished });
  },
  "long-answer": (id) => {
    event("TurnEnd", {});
    sendLong({ id, result: { ...finished, note: "LONG" } });
  },
  "no-result": (id) => {
    event("TurnEnd", {});
    send({ id });
  },
  chatty: (id) => {
    process.stdout.write("debug: here I am\n{not json}\n\n");
    text("once");
    event("TurnEnd", {});
    send({ id, result: finished });
  },
  /** 512 events of one MiB each, as fast as they are read. */
  "many-events": async (id) => {
    const message = eventOf("ContentPart", { type: "text", text: block.toString() });
    const line = Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    for (let n = 0; n < 512; n += 1) await new Promise((resolve) => process.stdout.write(line, resolve));
    event("TurnEnd", {});
    send({ id, result: finished });
  },
  /** A gigabyte of lines that mean nothing, in the middle of a turn. */
  "flood-in-turn": (id) => {
    const noise = Buffer.from(`${"y".repeat(1023)}\n`.repeat(64));
    let blocks = 16 * 1024;
    const pour = () => {
      while (blocks > 0) {
        blocks -= 1;
        if (!process.stdout.write(noise)) return void process.stdout.once("drain", pour);
      }
      event("TurnEnd", {});
      send({ id, result: finished });
    };
    pour();
  },
};

onLines(process.stdin, (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === "initialize") (initialize[fault] ?? (() => send({ id, result: info })))(id);
  else if (method === "prompt") {
    event("TurnBegin", { user_input: params.user_input });
    event("StepBegin", { n: 1 });
    (prompt[fault] ?? (() => send({ id, result: finished })))(id);
  } else if (id !== undefined) send({ id, error: { code: -32601, message: `Method not found: ${method}` } });
});
