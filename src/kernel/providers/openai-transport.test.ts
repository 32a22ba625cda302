/** The driver and its sockets: requests as they arrive at the server, cancelling, back-pressure, connections, memory. */
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ResolvedModel } from "../config/config.js";
import { type Logger, silentLogger } from "../logger.js";
import { createOpenAiProvider } from "./openai-driver.js";
import type { ChatProvider } from "./provider.js";
import { finishChunk, textChunk } from "./testing/chunk-shapes.js";
import { type Exchange, type QuirkScript, type QuirkServer, startQuirkServer } from "./testing/quirk-server.js";
import { chatRequest, collect, providerError, resolvedModel, user } from "./testing/stream-results.js";
import { transportQuirks } from "./testing/transport-quirks.js";

const MANY = 1_000_000;

/** Writes the same chunk `count` times, as fast as the client reads. */
function flood(chunk: string, count: number): QuirkScript {
  return async (e: Exchange) => {
    e.sse();
    const block = chunk.repeat(1000);
    for (let sent = 0; sent < count; sent += 1000) if (!(await e.push(block))) return;
    e.end(`data: ${JSON.stringify(finishChunk("stop"))}\n\ndata: [DONE]\n\n`);
  };
}

const scripts: Record<string, QuirkScript> = {
  ...transportQuirks,
  flood: flood(`data: ${JSON.stringify(textChunk("word"))}\n\n`, MANY),
  "not-found": (e) =>
    e.reply(404, { error: { message: "The model `x` does not exist", type: "invalid_request_error" } }),
  "bad-key": (e) => e.reply(401, { error: { message: "Invalid Authentication" } }),
  forbidden: (e) => e.reply(403, { detail: "Not for you" }),
  "too-many": (e) => e.reply(429, { error: { message: "slow down" } }, { "retry-after": "7" }),
  "bad-gateway": (e) => e.reply(502, "<html><body>502 Bad Gateway</body></html>", { "content-type": "text/html" }),
  moved: (e) => e.reply(308, "", { location: "https://example.test/v1" }),
  overflow: (e) =>
    e.reply(400, { error: { code: 400, message: "request (9000 tokens) exceeds", type: "exceed_context_size_error" } }),
  "error-body-cut": (e) => {
    e.response.writeHead(500, { "content-type": "application/json", "content-length": "500" });
    e.response.write('{"error":');
    setTimeout(() => e.reset(), 20);
  },
  "no-stream-options": async (e) => {
    if (e.request.body.stream_options) {
      e.reply(400, { error: { message: "Unrecognized request argument supplied: stream_options" } });
    } else await transportQuirks["well-behaved"]?.(e);
  },
  "no-max-tokens": async (e) => {
    if (e.request.body.max_tokens !== undefined) {
      const message = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.";
      e.reply(400, { error: { message, param: "max_tokens" } });
    } else await transportQuirks["well-behaved"]?.(e);
  },
};

let server: QuirkServer;
const providers: ChatProvider[] = [];

beforeAll(async () => {
  server = await startQuirkServer(scripts);
});

afterEach(async () => {
  for (const provider of providers.splice(0)) await provider.close?.();
});

afterAll(() => server.close());

type Changes = Parameters<typeof resolvedModel>[0];

function provider(model: string, changes: Changes = {}, extra: { logger?: Logger; client?: { name: string } } = {}) {
  const resolved: ResolvedModel = resolvedModel({
    ...changes,
    model: { model, ...changes.model },
    provider: { base_url: server.url, ...changes.provider },
  });
  const created = createOpenAiProvider(resolved, {
    logger: extra.logger ?? silentLogger,
    client: extra.client ?? null,
  });
  providers.push(created);
  return created;
}

describe("requests", () => {
  it("go out with fixed fields in a fixed order", async () => {
    await collect(provider("well-behaved"));
    const sent = server.requests.at(-1);
    expect(Object.keys(sent?.body ?? {})).toEqual([
      "model",
      "stream",
      "stream_options",
      "tools",
      "messages",
      "max_tokens",
    ]);
    expect(sent?.body).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    expect(sent?.headers).not.toHaveProperty("authorization");
    expect(Object.keys(sent?.headers ?? {}).filter((name) => /^x-|openai/.test(name))).toEqual([]);
  });

  it("carry sampling settings only when they are set", async () => {
    await collect(provider("well-behaved", { temperature: 0.5, topP: 0.9, maxTokens: 77 }));
    expect(server.requests.at(-1)?.body).toMatchObject({ temperature: 0.5, top_p: 0.9, max_tokens: 77 });
  });

  it("forbid calls without leaving the tools out", async () => {
    await collect(provider("well-behaved"), chatRequest({ toolChoice: "none" }));
    expect(server.requests.at(-1)?.body).toMatchObject({ tool_choice: "none", tools: [{}, {}] });
  });

  it("carry key, own headers and, for kimi, the client's name", async () => {
    const config = { type: "kimi" as const, api_key: "k", custom_headers: { "X-Team": "blue" } };
    await collect(provider("well-behaved", { provider: config }, { client: { name: "zed" } }));
    expect(server.requests.at(-1)?.headers).toMatchObject({
      authorization: "Bearer k",
      "x-team": "blue",
      "user-agent": expect.stringMatching(/ \(zed\)$/),
    });
  });

  it("are announced once, before the server has them", async () => {
    const before = server.requests.length;
    const seen: number[] = [];
    await collect(
      provider("no-stream-options"),
      chatRequest({ onRequestSent: () => seen.push(server.requests.length) }),
    );
    expect(seen).toEqual([before]);
  });

  it("begin with the bytes of the request before", async () => {
    const driver = provider("well-behaved");
    const first = [user("one")];
    const reply = { role: "assistant" as const, content: [{ type: "text" as const, text: "hello" }], tool_calls: [] };
    await collect(driver, chatRequest({ messages: first }));
    await collect(driver, chatRequest({ messages: [...first, reply, user("two")] }));
    const [a, b] = server.requests.slice(-2).map((request) => request.raw);
    const prefix = a?.slice(0, a.lastIndexOf("]")) ?? "-";
    expect(prefix.length).toBeGreaterThan(500);
    expect(b?.startsWith(prefix)).toBe(true);
  });

  it("use one connection again", async () => {
    const driver = provider("well-behaved");
    const reused = async (): Promise<boolean> => {
      await collect(driver);
      const [a, b] = server.requests.slice(-2);
      return a?.port === b?.port;
    };
    await reused();
    // The end of the last reply may still be on its way when the next request leaves.
    await expect.poll(reused, { interval: 5 }).toBe(true);
  });

  it("go out again when the kept connection had been closed by the server", async () => {
    // FAKE: a server that answers once per connection and kills it when the next request arrives on it.
    let killed = 0;
    const body = `data: ${JSON.stringify(textChunk("hello"))}\n\ndata: ${JSON.stringify(finishChunk("stop"))}\n\ndata: [DONE]\n\n`;
    const head = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ${body.length}\r\n\r\n`;
    const stale = net.createServer((socket) => {
      let answered = false;
      socket.on("error", () => {});
      socket.on("data", () => {
        if (answered) {
          killed++;
          socket.resetAndDestroy();
        } else socket.write(head + body);
        answered = true;
      });
    });
    stale.listen(0, "127.0.0.1");
    await once(stale, "listening");
    const base_url = `http://127.0.0.1:${(stale.address() as AddressInfo).port}/v1`;
    const driver = provider("any", { provider: { base_url } });
    const errors: unknown[] = [];
    const run = async (): Promise<number> => {
      errors.push((await collect(driver)).error);
      return killed;
    };
    await expect.poll(run, { interval: 5 }).toBeGreaterThan(0);
    expect(new Set(errors)).toEqual(new Set([null]));
    stale.close();
  });
});

describe("refused requests", () => {
  it.each([
    ["not-found", "http_404", 404, false, "The model `x` does not exist"],
    ["bad-key", "http_401", 401, false, "Invalid Authentication"],
    ["forbidden", "http_403", 403, false, "Not for you"],
    ["too-many", "http_429", 429, true, "slow down"],
    ["bad-gateway", "http_502", 502, true, "The model server answered 502 with a web page instead of JSON."],
    ["overflow", "context_overflow", 400, false, "request (9000 tokens) exceeds"],
    ["error-body-cut", "http_500", 500, true, '{"error":'],
  ])("%s", async (model, code, statusCode, retryable, message) => {
    const error = providerError(await collect(provider(model)));
    expect(error).toMatchObject({ code, statusCode, retryable, message, errorType: "APIStatusError" });
  });

  it("pass on how long to wait", async () => {
    expect(providerError(await collect(provider("too-many"))).retryAfterMs).toBe(7000);
  });

  it("name the address that a redirect points to", async () => {
    const error = providerError(await collect(provider("moved")));
    expect(error).toMatchObject({ code: "http_308", retryable: false });
    expect(error.message).toContain("https://example.test/v1");
  });

  it("are sent again once without a field that the server does not know, and never with it after that", async () => {
    const warned: object[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => warned.push(fields) };
    const driver = provider("no-stream-options", {}, { logger });
    const before = server.requests.length;
    expect((await collect(driver)).text).toBe("hello");
    expect((await collect(driver)).text).toBe("hello");
    expect(server.requests.length - before).toBe(3);
    expect(warned).toMatchObject([{ field: "stream_options" }]);
  });

  it("use the newer name of the token limit when the server asks for it", async () => {
    expect((await collect(provider("no-max-tokens"))).text).toBe("hello");
    expect(server.requests.at(-1)?.body).toMatchObject({ max_completion_tokens: 8192 });
  });

  it("say so when nothing listens", async () => {
    const error = providerError(await collect(provider("x", { provider: { base_url: "http://127.0.0.1:1/v1" } })));
    expect(error).toMatchObject({ code: "connection_refused", errorType: "APIConnectionError", retryable: true });
    expect(error.message).toContain("http://127.0.0.1:1");
  });

  it("say so when the other side speaks no TLS", async () => {
    const base_url = server.url.replace("http:", "https:");
    const error = providerError(await collect(provider("x", { provider: { base_url } })));
    expect(error).toMatchObject({ code: "tls_failed", errorType: "APIConnectionError", retryable: false });
  });
});

describe("cancelling", () => {
  it.each(["no-headers", "headers-then-silence", "silence-after-text"])(
    "%s: closes the socket at once",
    async (model) => {
      const driver = provider(model);
      const before = server.requests.length;
      const controller = new AbortController();
      const reason = new Error("stop");
      const running = collect(driver, chatRequest(), controller.signal);
      await expect.poll(() => server.requests.length, { interval: 5 }).toBe(before + 1);
      const closed = server.nextAbort();
      const at = performance.now();
      controller.abort(reason);
      expect((await running).error).toBe(reason);
      expect((await closed) - at).toBeLessThan(100);
    },
  );

  it("does not send anything when it comes first", async () => {
    const before = server.requests.length;
    const reason = new Error("stop");
    expect((await collect(provider("well-behaved"), chatRequest(), AbortSignal.abort(reason))).error).toBe(reason);
    expect(server.requests.length).toBe(before);
  });

  it("by leaving the loop closes the socket", async () => {
    const closed = server.nextAbort();
    for await (const parts of provider("silence-after-text").stream(chatRequest(), new AbortController().signal)) {
      expect(parts).toHaveLength(1);
      break;
    }
    await closed;
  });

  it("leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    const added: string[] = [];
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      added.push(args[0]);
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      added.pop();
      remove(...args);
    };
    await collect(provider("well-behaved"), chatRequest(), signal);
    expect(added).toEqual([]);
  });
});

describe("a flood of deltas", () => {
  it("stops at the socket while nobody pulls", async () => {
    let written = 0;
    const source = await startQuirkServer({
      flood: async (e) => {
        e.sse();
        const block = `data: ${JSON.stringify(textChunk("word"))}\n\n`.repeat(1000);
        do written += block.length;
        while (await e.push(block));
      },
    });
    const stream = provider("flood", { provider: { base_url: source.url } }).stream(
      chatRequest(),
      new AbortController().signal,
    );
    await stream.next();
    // The kernel's socket buffers fill, then the server's writes stop for good.
    let seen = -1;
    const stands = (): boolean => {
      const same = seen === written;
      seen = written;
      return same;
    };
    await expect.poll(stands, { interval: 100, timeout: 8000 }).toBe(true);
    expect(written).toBeLessThan(32 * 1024 * 1024);
    await stream.return({ usage: null, messageId: null, finishReason: "other" });
    await source.close();
  });

  it("of a million does not grow the memory", async () => {
    let parts = 0;
    let highest = 0;
    const start = process.memoryUsage().heapUsed;
    for await (const batch of provider("flood").stream(chatRequest(), new AbortController().signal)) {
      parts += batch.length;
      highest = Math.max(highest, process.memoryUsage().heapUsed);
    }
    expect(parts).toBe(MANY);
    expect((highest - start) / 1024 / 1024).toBeLessThan(150);
  }, 60_000);
});
