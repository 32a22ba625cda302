/**
 * FAKE. A model server on loopback that answers as real servers were seen to answer. The `model` of a request names the
 * script that plays; what the driver sent is recorded. Real sockets and real HTTP, no real model.
 */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

interface RecordedRequest {
  headers: http.IncomingHttpHeaders;
  /** The body as it came over the socket. */
  raw: string;
  body: Record<string, unknown>;
  /** Local port of the client, to see whether a connection was used again. */
  port: number;
}

export interface Exchange {
  request: RecordedRequest;
  /** Number of requests of this model so far, this one included. */
  attempt: number;
  response: http.ServerResponse;
  /** Sends the head of an event stream. */
  sse(contentType?: string): void;
  /** Sends one event with this object as data. */
  chunk(value: unknown): void;
  write(bytes: string | Uint8Array): void;
  /** Writes and waits while the client does not read. False when the client has gone. */
  push(bytes: string): Promise<boolean>;
  end(text?: string): void;
  /** Answers with a status, a body and headers. */
  reply(status: number, body: unknown, headers?: http.OutgoingHttpHeaders): void;
  /** Kills the connection with a reset. */
  reset(): void;
  /** Closes the connection in the middle of the body, without a reset. */
  hangUp(): void;
}

export type QuirkScript = (exchange: Exchange) => void | Promise<void>;

export interface QuirkServer {
  /** Base URL for a provider config, with /v1. */
  url: string;
  requests: RecordedRequest[];
  /** Resolves when a client has closed the connection of a running reply, with the time of it (performance.now). */
  nextAbort(): Promise<number>;
  close(): Promise<void>;
}

/** Starts the server; the caller closes it. A model that no script has gets a plain 404. */
export async function startQuirkServer(scripts: Readonly<Record<string, QuirkScript>>): Promise<QuirkServer> {
  const requests: RecordedRequest[] = [];
  const attempts = new Map<string, number>();
  let aborted = withResolver();
  const server = http.createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.once("end", () => {
      const raw = Buffer.concat(chunks).toString("utf8");
      const body = JSON.parse(raw) as Record<string, unknown>;
      const request = { headers: incoming.headers, raw, body, port: incoming.socket.remotePort ?? 0 };
      requests.push(request);
      const model = String(body.model);
      const attempt = (attempts.get(model) ?? 0) + 1;
      attempts.set(model, attempt);
      response.once("close", () => {
        if (response.writableFinished) return;
        aborted.resolve(performance.now());
        aborted = withResolver();
      });
      const exchange = exchangeOf(request, attempt, response);
      const script = scripts[model] ?? ((e: Exchange) => e.reply(404, { error: { message: `no model ${model}` } }));
      void script(exchange);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    nextAbort: () => aborted.promise,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

interface Resolver {
  promise: Promise<number>;
  resolve(value: number): void;
}

function withResolver(): Resolver {
  let resolve: (value: number) => void = () => {};
  const promise = new Promise<number>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function exchangeOf(request: RecordedRequest, attempt: number, response: http.ServerResponse): Exchange {
  return {
    request,
    attempt,
    response,
    sse: (contentType = "text/event-stream") => {
      response.writeHead(200, contentType === "" ? {} : { "content-type": contentType });
    },
    chunk: (value) => {
      response.write(`data: ${JSON.stringify(value)}\n\n`);
    },
    write: (bytes) => {
      response.write(bytes);
    },
    push: (bytes) =>
      new Promise((resolve) => {
        if (response.write(bytes)) return resolve(true);
        const settle = (): void => {
          response.off("drain", settle);
          response.off("close", settle);
          resolve(!response.destroyed);
        };
        response.on("drain", settle);
        response.on("close", settle);
        if (response.destroyed) settle();
      }),
    end: (text) => {
      response.end(text);
    },
    reply: (status, body, headers = {}) => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const type = typeof body === "string" ? "text/plain" : "application/json";
      response.writeHead(status, { "content-type": type, ...headers });
      response.end(text);
    },
    reset: () => {
      response.socket?.resetAndDestroy();
    },
    hangUp: () => {
      response.socket?.end();
    },
  };
}
