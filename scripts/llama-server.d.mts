export { ensureLlamaServer } from "./llama-fetch.mjs";

export interface LlamaServer {
  /** Without a path, e.g. http://127.0.0.1:35193; the OpenAI-compatible API is below /v1. */
  readonly url: string;
  readonly pid: number;
  /** The last 8,000 characters of what the server printed. */
  log(): string;
  stop(): Promise<void>;
}

export function startLlamaServer(options: {
  modelPath: string;
  slots?: number;
  ctx?: number;
  extraArgs?: string[];
}): Promise<LlamaServer>;
