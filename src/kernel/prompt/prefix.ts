/** The part of every request that must not change while a session lives, and its hash. */
import { createHash } from "node:crypto";
import type { ToolDefinition } from "../providers/provider.js";
import type { FrozenPrefix } from "../storage/session-log.js";

/** Hashes system text and listed tools exactly as they are serialised for the model. */
export function frozenPrefix(systemPrompt: string, tools: readonly ToolDefinition[]): FrozenPrefix {
  return {
    system_hash: sha256(systemPrompt),
    tools: tools.map((tool) => tool.name),
    tools_hash: sha256(
      JSON.stringify(tools.map(({ name, description, parameters }) => [name, description, parameters])),
    ),
  };
}

/** What differs between two prefixes, for the journal's notice; null when nothing does. */
export function prefixChange(before: FrozenPrefix, now: FrozenPrefix): string | null {
  if (before.system_hash !== now.system_hash) return "system text";
  if (before.tools_hash !== now.tools_hash) return "listed tools";
  return null;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
