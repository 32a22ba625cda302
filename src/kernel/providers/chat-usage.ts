import type { TokenUsage } from "../messages.js";
import { asNumber, asRecord } from "./json-values.js";

/**
 * Token counts of one chunk or completion: OpenAI `usage` in its dialects, else llama.cpp's `timings`. Null when the
 * chunk counts nothing. A missing cache figure is counted as no hit.
 */
export function readUsage(usage: unknown, timings: unknown): TokenUsage | null {
  const counted = asRecord(usage);
  const timed = asRecord(timings);
  const evaluated = asNumber(timed?.prompt_n);
  const prompt = asNumber(counted?.prompt_tokens) ?? asNumber(counted?.input_tokens);
  const output =
    asNumber(counted?.completion_tokens) ?? asNumber(counted?.output_tokens) ?? asNumber(timed?.predicted_n) ?? 0;
  const cached =
    asNumber(asRecord(counted?.prompt_tokens_details)?.cached_tokens) ??
    asNumber(counted?.cached_tokens) ??
    asNumber(counted?.prompt_cache_hit_tokens) ??
    asNumber(timed?.cache_n) ??
    0;
  if (prompt !== null) return tokens(Math.max(0, prompt - cached), output, Math.min(cached, prompt));
  const missed = asNumber(counted?.prompt_cache_miss_tokens) ?? evaluated;
  return missed === null ? null : tokens(missed, output, cached);
}

function tokens(inputOther: number, output: number, cacheRead: number): TokenUsage {
  return { input_other: inputOther, output, input_cache_read: cacheRead, input_cache_creation: 0 };
}
