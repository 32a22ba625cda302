/** The one model call of a compaction. It keeps system text, tools and history as they are, so a warm prefix stays warm. */
import type { Message } from "../messages.js";
import { type ChatProvider, ProviderError, type StreamEnd, type StreamPart } from "../providers/provider.js";
import { MessageAssembler } from "../storage/message-assembler.js";
import type { Toolset } from "../tools/toolset.js";
import type { History } from "./history.js";
import { readModelStream } from "./model-stream.js";
import { withRetries } from "./retry.js";

const INSTRUCTION = `Summarise the conversation so far so that you can go on from the summary alone. Keep: the user's goals and decisions, files and commands that matter with exact names, what was done and its outcome, open problems, and the next step. Reply with the summary only; call no tool.`;

export interface Summary {
  text: string;
  /** Tokens of the summary as the provider counted them; null when it did not. */
  outputTokens: number | null;
}

/** Asks for the summary of `older`. Throws ProviderError after the last attempt, or the signal's reason. */
export async function summarise(
  deps: { provider: ChatProvider; toolset: Toolset; history: History; maxAttempts: number; random: () => number },
  older: readonly Message[],
  focus: string,
  signal: AbortSignal,
): Promise<Summary> {
  const text = focus === "" ? INSTRUCTION : `${INSTRUCTION}\n\nThe user asked to keep in particular: ${focus}`;
  const request = {
    systemPrompt: deps.history.systemPrompt,
    tools: await deps.toolset.definitions(),
    messages: [...older, { role: "user" as const, content: [{ type: "text" as const, text }] }],
    toolChoice: "none" as const,
  };
  return withRetries(() => readSummary(deps.provider.stream(request, signal), signal), { ...deps, signal });
}

async function readSummary(
  stream: AsyncGenerator<readonly StreamPart[], StreamEnd, void>,
  signal: AbortSignal,
): Promise<Summary> {
  const assembler = new MessageAssembler();
  const end = await readModelStream(stream, signal, (parts) => {
    for (const part of parts) assembler.push(part);
    return null;
  });
  const { content } = assembler.finish();
  const text = content
    .map((part) => (part.type === "text" ? part.text : ""))
    .join("")
    .trim();
  if (text !== "") return { text, outputTokens: end.usage?.output ?? null };
  throw new ProviderError("The API returned no summary.", {
    errorType: "APIEmptyResponseError",
    code: "empty_summary",
    retryable: true,
  });
}
