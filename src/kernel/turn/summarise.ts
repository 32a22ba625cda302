/** The one model call of a compaction. It keeps system text, tools and history as they are, so a warm prefix stays warm. */
import type { Message } from "../messages.js";
import { type ChatProvider, ProviderError, type StreamEnd, type StreamPart } from "../providers/provider.js";
import { MessageAssembler } from "../storage/message-assembler.js";
import type { Toolset } from "../tools/toolset.js";
import { delay, orAbort } from "./abort.js";
import type { History } from "./history.js";
import { retryDelayMs } from "./retry.js";

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
  for (let attempt = 1; ; attempt++) {
    try {
      return await readSummary(deps.provider.stream(request, signal), signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof ProviderError)) throw error;
      const wait = retryDelayMs(error, attempt, deps.maxAttempts, deps.random);
      if (wait === null) throw error;
      await delay(wait, signal);
    }
  }
}

async function readSummary(
  stream: AsyncGenerator<readonly StreamPart[], StreamEnd, void>,
  signal: AbortSignal,
): Promise<Summary> {
  const assembler = new MessageAssembler();
  for (;;) {
    const next = await orAbort(stream.next(), signal);
    if (!next.done) {
      for (const part of next.value) assembler.push(part);
      continue;
    }
    const text = assembler
      .finish()
      .content.flatMap((part) => (part.type === "text" ? [part.text] : []))
      .join("")
      .trim();
    if (text === "") {
      throw new ProviderError("The API returned no summary.", {
        errorType: "APIEmptyResponseError",
        code: "empty_summary",
        retryable: true,
      });
    }
    return { text, outputTokens: next.value.usage?.output ?? null };
  }
}
