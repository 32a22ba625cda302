/** One request to a model that is not there, so that the first real one finds its code compiled: see rehearse-kernel.ts. */
import { Agent } from "node:http";
import { Duplex } from "node:stream";
import type { ResolvedModel } from "../config/config.js";
import { silentLogger } from "../logger.js";
import { createOpenAiProvider } from "./openai-driver.js";
import type { StreamPart } from "./provider.js";

const CHUNK = JSON.stringify({ choices: [{ index: 0, delta: { content: "ok" }, finish_reason: "stop" }] });
const BODY = `data: ${CHUNK}\n\ndata: [DONE]\n\n`;
const REPLY = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

const MODEL: ResolvedModel = {
  alias: "m",
  model: { provider: "p", model: "m", max_context_size: 100_000, capabilities: [], display_name: null },
  provider: {
    type: "openai_legacy",
    base_url: "http://127.0.0.1/v1",
    api_key: "",
    env: {},
    custom_headers: {},
    reasoning_key: null,
  },
  capabilities: new Set(),
  thinking: false,
  env: {},
  temperature: null,
  topP: null,
  maxTokens: null,
};

/** Asks over a connection in memory and reads the reply to its end. Gives the parts of it. */
export async function rehearseOpenAi(): Promise<StreamPart[]> {
  const provider = createOpenAiProvider(MODEL, { logger: silentLogger, agent: new MemoryAgent() });
  const messages = [{ role: "user" as const, content: [{ type: "text" as const, text: "go" }] }];
  const parts: StreamPart[] = [];
  try {
    const stream = provider.stream({ systemPrompt: "", tools: [], messages }, new AbortController().signal);
    for await (const batch of stream) parts.push(...batch);
  } finally {
    await provider.close?.();
  }
  return parts;
}

/** Its connections lead nowhere: each answers what is written first. */
class MemoryAgent extends Agent {
  override createConnection(): Duplex {
    let answered = false;
    const connection = new Duplex({
      read: () => {},
      write: (_chunk, _encoding, done) => {
        done();
        if (!answered) connection.push(REPLY);
        answered = true;
      },
    });
    return connection;
  }
}
