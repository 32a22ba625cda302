/** A FAKE of an OpenAI-compatible model server on loopback: each request is answered by the test's own handler. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createNetServer } from "node:net";
import { onTestFinished } from "vitest";

export type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface FakeModelServer {
  /** Base URL with /v1. */
  url: string;
  /** `method path` of every request in order. */
  seen: string[];
}

/** Listens until the test ends; open connections are cut then. */
export async function startFakeModelServer(answer: Answer): Promise<FakeModelServer> {
  const seen: string[] = [];
  const server: Server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume();
    request.on("end", () => void answer(request, response));
    response.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, seen };
}

/** A port of loopback on which nobody listens, and nobody can until the test ends: a connection goes out from it. */
export async function closedPort(): Promise<number> {
  const server = createNetServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  await once(socket, "connect");
  return socket.localPort as number;
}

/** One chunk of a chat completion stream. */
export function chunk(delta: Record<string, unknown>, finishReason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  return `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "fake", choices })}\n\n`;
}

/** Answers with a short text. */
export function sayText(response: ServerResponse, text: string): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(`${chunk({ role: "assistant", content: text })}${chunk({}, "stop")}data: [DONE]\n\n`);
}

/** Configuration keys of a workspace for a model behind this URL. */
export function modelAt(url: string, apiKey = "test-key"): Record<string, unknown> {
  return {
    default_model: "net",
    models: { net: { provider: "net", model: "fake", max_context_size: 100_000 } },
    providers: { net: { type: "openai_legacy", base_url: url, api_key: apiKey } },
    loop_control: { max_retries_per_step: 1 },
  };
}
