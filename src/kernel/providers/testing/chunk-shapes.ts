/** Chunks as well-behaved servers send them, to build the misbehaving ones from. */

/** A chunk with one choice that carries `delta`. */
export function deltaChunk(delta: unknown, finishReason: string | null = null): Record<string, unknown> {
  return {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_700_000_000,
    model: "fake",
    choices: [{ index: 0, delta, finish_reason: finishReason }],
  };
}

export function textChunk(text: string): Record<string, unknown> {
  return deltaChunk({ content: text });
}

export function finishChunk(reason: string): Record<string, unknown> {
  return deltaChunk({}, reason);
}

/** One piece of a tool call; leave out what the server leaves out. */
export function callChunk(call: Record<string, unknown>): Record<string, unknown> {
  return deltaChunk({ tool_calls: [call] });
}

export function usageChunk(usage: unknown): Record<string, unknown> {
  return { id: "chatcmpl-1", object: "chat.completion.chunk", choices: [], usage };
}
