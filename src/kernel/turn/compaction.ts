/** Replaces the older part of a conversation by a summary when the window fills up. */
import type { LoopControl } from "../config/config.js";
import type { CompactionTrigger, Hooks } from "../hooks/hooks.js";
import type { ContentPart, Message } from "../messages.js";
import type { ChatProvider } from "../providers/provider.js";
import type { Toolset } from "../tools/toolset.js";
import { countChars, type History } from "./history.js";
import type { Recorder } from "./recorder.js";
import { summarise } from "./summarise.js";

const KEPT_MESSAGES = 2;
const LARGEST_DEFAULT_RESERVE = 50_000;
const DEFAULT_RESERVE_RATIO = 0.15;

export interface CompactionDeps {
  provider: ChatProvider;
  toolset: Toolset;
  history: History;
  recorder: Recorder;
  hooks: Hooks;
  maxAttempts: number;
  random: () => number;
}

/** True when the next model call might not fit. Pure; an unknown window (0) never triggers. */
export function mustCompact(tokens: number, window: number, control: LoopControl): boolean {
  if (window <= 0) return false;
  const reserve = control.reserved_context_size_set
    ? control.reserved_context_size
    : Math.min(LARGEST_DEFAULT_RESERVE, Math.floor(window * DEFAULT_RESERVE_RATIO));
  return tokens >= window * control.compaction_trigger_ratio || tokens + reserve >= window;
}

/**
 * Compacts the conversation between CompactionBegin and CompactionEnd; the End comes on failure too. `focus` is what
 * the user asked to keep. Throws ProviderError or the signal's reason; then the conversation is as it was.
 */
export async function compact(
  deps: CompactionDeps,
  focus: string,
  signal: AbortSignal,
  trigger: CompactionTrigger = "auto",
): Promise<void> {
  const { recorder, history, hooks } = deps;
  await hooks.beforeCompaction(trigger, history.estimatedTokens, signal);
  recorder.event("CompactionBegin", {});
  try {
    const { older, kept } = splitForCompaction(history.messages);
    // Without an older part the text stays; it is only counted and stored anew.
    const summary = older.length === 0 ? null : await recorder.waiting("model", summarise(deps, older, focus, signal));
    const messages: Message[] =
      summary === null ? kept : [{ role: "user", content: summaryContent(summary.text) }, ...kept];
    const counted = summary?.outputTokens ?? null;
    const estimate = Math.floor(countChars(counted === null ? messages : kept) / 4);
    history.replace(messages, (counted ?? 0) + estimate);
  } finally {
    recorder.event("CompactionEnd", {});
  }
  hooks.afterCompaction(trigger, history.estimatedTokens);
}

/** The last two user or assistant messages stay, with the tool messages behind them; the rest is summarised. */
export function splitForCompaction(messages: readonly Message[]): { older: Message[]; kept: Message[] } {
  let cut = messages.length;
  for (let found = 0; found < KEPT_MESSAGES && cut > 0; ) {
    cut -= 1;
    if (messages[cut]?.role !== "tool") found += 1;
  }
  return { older: messages.slice(0, cut), kept: messages.slice(cut) };
}

function summaryContent(text: string): ContentPart[] {
  return [
    { type: "text", text: "<system>The earlier conversation was replaced by this summary:</system>" },
    { type: "text", text },
  ];
}
