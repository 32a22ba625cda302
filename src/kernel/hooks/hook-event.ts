/** The moments at which hooks run. Part of the kernel's start path. */
import { HOOK_EVENTS } from "../../wire/generated/tables.gen.js";
import type { HookEvent } from "../../wire/generated/types.gen.js";

export type HookEventName = HookEvent;

/** All thirteen, in the order in which they are announced. */
export const HOOK_EVENT_NAMES = HOOK_EVENTS;

const BLOCKING: ReadonlySet<HookEventName> = new Set(["UserPromptSubmit", "PreToolUse", "Stop"]);

/** True for a name that this kernel knows. */
export function isHookEvent(name: string): name is HookEventName {
  return HOOK_EVENT_NAMES.some((known) => known === name);
}

/** True where a hook's no changes what happens; elsewhere it is only reported. */
export function honoursBlock(event: HookEventName): boolean {
  return BLOCKING.has(event);
}
