// A fake model server in a process of its own, so that its CPU is nobody else's. It speaks raw HTTP over net with bytes
// prepared in advance, and reports the time of each step (process.hrtime.bigint, one clock for all processes of a
// machine) to its parent. The first part of the path names the reply: /turn/..., /burst/..., or /recover-<any>/..., whose
// requests are counted for each path.
import { createServer } from "node:net";
import { BURST_CHARS, BURST_CHUNKS, RECOVERY_FILE, RECOVERY_WORDS, TURN_WORDS } from "./replies.mjs";

const HEAD = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n",
);
/** Long enough for the kernel to come to rest between the head, the first token and the rest. */
const PAUSE_MS = 5;
const BURST_CHUNKS_PER_WRITE = 64;

const turn = {
  first: http(sse(TURN_WORDS[0])),
  rest: Buffer.concat([...TURN_WORDS.slice(1).map((word) => http(sse(word))), ending(TURN_WORDS.length)]),
};
const burst = burstWrites();
/** The first and third are never ended: the kernel is killed in them. The second ends in a call, which begins a step. */
const recovery = RECOVERY_WORDS.map((word, i) =>
  Buffer.concat([HEAD, http(sse(word)), ...(i === 1 ? [http(toolCall())] : []), ...(i % 2 === 1 ? [ending(1)] : [])]),
);
const recoveries = new Map();

const server = createServer({ noDelay: true }, (socket) => {
  let received = Buffer.alloc(0);
  let seenAt = 0n;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    if (received.length === 0) seenAt = process.hrtime.bigint();
    received = Buffer.concat([received, chunk]);
    const request = wholeRequest(received);
    if (request === null) return;
    received = Buffer.alloc(0);
    const report = { path: request.path, seenAt, body: request.body };
    if (request.path.startsWith("/burst/")) sendBurst(socket, report);
    else if (request.path.startsWith("/recover-")) sendRecovery(socket, report);
    else sendTurn(socket, report);
  });
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: server.address()?.port }));
process.on("disconnect", () => process.exit());

function sendTurn(socket, report) {
  socket.write(HEAD);
  setTimeout(() => {
    const firstChunkAt = process.hrtime.bigint();
    socket.write(turn.first);
    setTimeout(() => {
      socket.write(turn.rest);
      tell({ ...report, firstChunkAt });
    }, PAUSE_MS);
  }, PAUSE_MS);
}

/** Without any delay. */
function sendRecovery(socket, report) {
  const turn = recoveries.get(report.path) ?? 0;
  recoveries.set(report.path, turn + 1);
  const firstChunkAt = process.hrtime.bigint();
  socket.write(recovery[turn] ?? recovery.at(-1));
  tell({ ...report, firstChunkAt });
}

function sendBurst(socket, report) {
  socket.write(HEAD);
  setTimeout(() => {
    const firstChunkAt = process.hrtime.bigint();
    let next = 0;
    const write = () => {
      while (next < burst.length) {
        if (!socket.write(burst[next++])) {
          socket.once("drain", write);
          return;
        }
      }
      tell({ ...report, firstChunkAt });
    };
    write();
  }, PAUSE_MS);
}

function tell(report) {
  process.send?.({ ...report, seenAt: String(report.seenAt), firstChunkAt: String(report.firstChunkAt) });
}

/** The request once all of it is here; null before. One request at a time on a connection, no pipelining. */
function wholeRequest(bytes) {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const head = bytes.toString("latin1", 0, end);
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  const start = end + 4;
  if (bytes.length < start + length) return null;
  return { path: head.split(" ", 2)[1] ?? "", body: bytes.toString("utf8", start, start + length) };
}

function burstWrites() {
  const writes = [];
  for (let from = 0; from < BURST_CHUNKS; from += BURST_CHUNKS_PER_WRITE) {
    const chunks = [];
    for (let i = from; i < Math.min(BURST_CHUNKS, from + BURST_CHUNKS_PER_WRITE); i++) {
      chunks.push(http(sse(String(i).padStart(BURST_CHARS, "0").slice(-BURST_CHARS))));
    }
    writes.push(Buffer.concat(chunks));
  }
  writes.push(ending(BURST_CHUNKS));
  return writes;
}

function toolCall() {
  const call = { name: "ReadFile", arguments: JSON.stringify({ path: RECOVERY_FILE }) };
  return sse("", null, undefined, { tool_calls: [{ index: 0, id: "call_bench", type: "function", function: call }] });
}

function sse(content, finish = null, usage = undefined, delta = { content }) {
  const choices = usage === undefined ? [{ index: 0, delta, finish_reason: finish }] : [];
  const head = { id: "chatcmpl-bench", object: "chat.completion.chunk", created: 1_700_000_000, model: "bench" };
  return `data: ${JSON.stringify({ ...head, choices, usage })}\n\n`;
}

/** The finish reason, the usage, the end mark and the end of the body. */
function ending(tokens) {
  const usage = { prompt_tokens: 1200, completion_tokens: tokens, total_tokens: 1200 + tokens };
  const tail = `${sse("", "stop")}${sse("", null, usage)}data: [DONE]\n\n`;
  return Buffer.concat([http(tail), Buffer.from("0\r\n\r\n")]);
}

/** One chunk of the transfer encoding. */
function http(text) {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}
