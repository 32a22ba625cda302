/** The conversation as the kernel holds it: what a provider is asked with and what context.jsonl stores. */
export interface MediaUrl {
  url: string;
  id: string | null;
}

export type ContentPart =
  | { type: "text"; text: string }
  | { type: "think"; think: string; encrypted: string | null }
  | { type: "image_url"; image_url: MediaUrl }
  | { type: "audio_url"; audio_url: MediaUrl }
  | { type: "video_url"; video_url: MediaUrl };

export interface ToolCall {
  type: "function";
  id: string;
  /** `arguments` is the model's raw JSON text; null when the call came without any. */
  function: { name: string; arguments: string | null };
  extras: Record<string, unknown> | null;
}

export type Message =
  | { role: "user"; content: ContentPart[] }
  | { role: "assistant"; content: ContentPart[]; tool_calls: ToolCall[] }
  | { role: "tool"; tool_call_id: string; content: ContentPart[] };

export interface TokenUsage {
  input_other: number;
  output: number;
  input_cache_read: number;
  input_cache_creation: number;
}
