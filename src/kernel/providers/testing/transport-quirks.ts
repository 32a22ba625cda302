/** FAKE server scripts: what goes wrong with the stream itself (framing, silence, cuts, errors in odd shapes). */
import { deltaChunk, finishChunk, textChunk, usageChunk } from "./chunk-shapes.js";
import type { Exchange, QuirkScript } from "./quirk-server.js";

function said(exchange: Exchange, text: string): void {
  exchange.sse();
  exchange.chunk(textChunk(text));
}

function done(exchange: Exchange): void {
  exchange.chunk(finishChunk("stop"));
  exchange.end("data: [DONE]\n\n");
}

async function pause(exchange: Exchange): Promise<void> {
  await new Promise((resolve) => exchange.response.write("", resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

const HELLO = JSON.stringify(textChunk("hello"));
const STOP = JSON.stringify(finishChunk("stop"));

export const transportQuirks: Readonly<Record<string, QuirkScript>> = {
  "well-behaved": (e) => {
    e.sse();
    e.chunk(deltaChunk({ role: "assistant", content: null }));
    e.chunk(textChunk("hel"));
    e.chunk(textChunk("lo"));
    e.chunk(finishChunk("stop"));
    e.chunk(usageChunk({ prompt_tokens: 100, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 60 } }));
    e.end("data: [DONE]\n\n");
  },
  "no-done": (e) => {
    said(e, "hello");
    e.chunk(finishChunk("stop"));
    e.end();
  },
  "done-without-finish-reason": (e) => {
    said(e, "hello");
    e.end("data: [DONE]\n\n");
  },
  "cut-without-finish-reason": (e) => {
    said(e, "partial");
    e.end();
  },
  "cut-inside-a-chunk": (e) => {
    said(e, "partial");
    e.end(HELLO.slice(0, 40).replace(/^/, "data: "));
  },
  "socket-reset": async (e) => {
    said(e, "partial");
    await pause(e);
    setTimeout(() => e.reset(), 20);
  },
  "socket-closed": async (e) => {
    said(e, "partial");
    await pause(e);
    setTimeout(() => e.hangUp(), 20);
  },
  "reset-after-finish": async (e) => {
    said(e, "hello");
    e.chunk(finishChunk("stop"));
    await pause(e);
    setTimeout(() => e.reset(), 20);
  },
  "open-after-finish": (e) => {
    said(e, "hello");
    e.chunk(finishChunk("stop"));
  },
  "reset-before-headers": (e) => e.reset(),
  "no-headers": () => {},
  "headers-then-silence": (e) => {
    e.sse();
    e.response.flushHeaders();
  },
  "silence-after-text": (e) => said(e, "partial"),
  "comments-only": (e) => {
    e.sse();
    e.write(": ping\n\n: ping\n\n");
    e.end();
  },
  "slow-drip": async (e) => {
    e.sse();
    for (const char of `data: ${HELLO}\n\ndata: ${STOP}\n\n`) {
      e.write(char);
      await pause(e);
    }
    e.end("data: [DONE]\n\n");
  },
  "empty-body": (e) => {
    e.sse();
    e.end();
  },
  "no-space-after-data": (e) => {
    e.sse();
    e.end(`data:${HELLO}\n\ndata:${STOP}\n\ndata:[DONE]\n\n`);
  },
  crlf: (e) => {
    e.sse();
    e.end(`: ping\r\n\r\ndata: ${HELLO}\r\n\r\n: ping\r\ndata: ${STOP}\r\n\r\ndata: [DONE]\r\n\r\n`);
  },
  "split-utf8": async (e) => {
    e.sse();
    const bytes = Buffer.from(`data: ${JSON.stringify(textChunk("Grüße 世界 🙂"))}\n\n`);
    for (const byte of bytes) {
      e.write(Uint8Array.of(byte));
      await pause(e);
    }
    done(e);
  },
  "json-instead-of-sse": (e) =>
    e.reply(200, {
      id: "chatcmpl-9",
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content: "hello" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 5, completion_tokens: 1 },
    }),
  "json-error-with-200": (e) => e.reply(200, { error: { message: "model crashed", type: "server_error" } }),
  "json-without-choices": (e) => e.reply(200, { hello: "world" }),
  "html-with-200": (e) =>
    e.reply(200, "<!DOCTYPE html><html><body>login</body></html>", { "content-type": "text/html" }),
  "sse-as-json-type": (e) => {
    e.sse("application/json");
    e.end(`data: ${HELLO}\n\ndata: ${STOP}\n\ndata: [DONE]\n\n`);
  },
  "sse-without-type": (e) => {
    e.sse("");
    e.end(`data: ${HELLO}\n\ndata: ${STOP}\n\ndata: [DONE]\n\n`);
  },
  ndjson: (e) => {
    e.sse("application/json");
    e.end(`${HELLO}\n${STOP}\n`);
  },
  garbage: (e) => {
    e.sse();
    e.end(Buffer.from([0xff, 0xfe, 0x00, 0x01, 0x0a, 0x80, 0x81, 0x0a, 0x0a]).toString("latin1"));
  },
  "error-object": (e) => {
    said(e, "partial");
    e.end('data: {"error":{"message":"out of memory","type":"server_error"}}\n\n');
  },
  "error-string": (e) => {
    said(e, "partial");
    e.end('data: {"error":"the model runner died"}\n\n');
  },
  "error-object-field": (e) => {
    said(e, "partial");
    e.end('data: {"object":"error","message":"engine died","type":"InternalServerError","code":500}\n\n');
  },
  "error-event": (e) => {
    said(e, "partial");
    e.end('event: error\ndata: {"message":"overloaded","type":"overloaded_error"}\n\n');
  },
  "error-line": (e) => {
    said(e, "partial");
    e.end('error: {"code":500,"message":"failed to decode","type":"server_error"}\n\n');
  },
  "error-bare-ndjson": (e) => {
    said(e, "partial");
    e.end('{"error":"unexpected EOF"}\n');
  },
  "error-loading": (e) => {
    e.sse();
    e.end('data: {"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}\n\n');
  },
  "broken-json": (e) => {
    said(e, "partial");
    e.end('data: {"choices":[{"delta":{"content":"x"}]\n\ndata: [DONE]\n\n');
  },
  "huge-delta": (e) => {
    said(e, "x".repeat(10 * 1024 * 1024));
    done(e);
  },
};
