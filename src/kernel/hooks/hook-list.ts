/** Which hooks there are: commands of the configuration and subscriptions of the client. Part of the kernel's start path. */
import type { HookConfig } from "../config/config.js";
import type { Logger } from "../logger.js";
import { HOOK_EVENT_NAMES, type HookEventName, isHookEvent } from "./hook-event.js";
import { compileMatcher } from "./hook-matcher.js";

export interface CommandHook {
  readonly kind: "command";
  readonly command: string;
  readonly timeoutMs: number;
  /** A failure or a timeout means no. */
  readonly blockOnError: boolean;
}

export interface ClientHook {
  readonly kind: "client";
  readonly subscriptionId: string;
  readonly timeoutMs: number;
}

export type Hook = CommandHook | ClientHook;

/** What a client offers in initialize. */
export interface HookOffer {
  id: string;
  event: string;
  matcher?: string | undefined;
  timeout?: number | undefined;
}

interface Entry {
  readonly event: HookEventName;
  readonly hook: Hook;
  /** null: never. */
  readonly matches: ((target: string) => boolean) | null;
}

const DEFAULT_TIMEOUT_S = 30;
/** A day: beyond 24 days timers of the runtime fire at once. */
const MAX_TIMEOUT_S = 86_400;

export class HookList {
  readonly #logger: Logger;
  readonly #entries: Entry[];
  #introduced = false;

  /** Patterns that cannot be compiled are logged and never match. */
  constructor(config: readonly HookConfig[], logger: Logger) {
    this.#logger = logger;
    this.#entries = config.map(({ event, command, matcher, timeout, on_error }) => {
      const blockOnError = on_error === "block";
      return this.#entry(event, matcher, { kind: "command", command, timeoutMs: timeout * 1000, blockOnError });
    });
  }

  /** True once a client has introduced itself: before that hooks run and nobody is told. */
  get introduced(): boolean {
    return this.#introduced;
  }

  /** Takes what one initialize offers, on top of what was offered before. Unknown events are ignored. */
  introduce(offers: readonly HookOffer[]): void {
    this.#introduced = true;
    for (const { id, event, matcher = "", timeout = DEFAULT_TIMEOUT_S } of offers) {
      if (!isHookEvent(event)) continue;
      const timeoutMs = Math.min(Math.max(timeout, 0), MAX_TIMEOUT_S) * 1000;
      this.#entries.push(this.#entry(event, matcher, { kind: "client", subscriptionId: id, timeoutMs }));
    }
  }

  /** The `hooks` of the initialize result. */
  summary(): { supported_events: HookEventName[]; configured: Record<string, number> } {
    const configured: Record<string, number> = {};
    for (const { event } of this.#entries) configured[event] = (configured[event] ?? 0) + 1;
    return { supported_events: [...HOOK_EVENT_NAMES], configured };
  }

  /** The hooks to run now, commands first. A command that is there twice runs once, with the stricter of its settings. */
  matching(event: HookEventName, target: string): Hook[] {
    const commands = new Map<string, CommandHook>();
    const clients: ClientHook[] = [];
    for (const entry of this.#entries) {
      if (entry.event !== event || entry.matches?.(target) !== true) continue;
      const { hook } = entry;
      if (hook.kind === "client") clients.push(hook);
      else commands.set(hook.command, stricter(commands.get(hook.command), hook));
    }
    return [...commands.values(), ...clients];
  }

  #entry(event: HookEventName, matcher: string, hook: Hook): Entry {
    const matches = compileMatcher(matcher);
    if (matches === null)
      this.#logger.warn({ event, matcher }, "a hook's matcher is no regular expression; it never runs");
    return { event, hook, matches };
  }
}

function stricter(first: CommandHook | undefined, second: CommandHook): CommandHook {
  if (first === undefined) return second;
  return { ...first, blockOnError: first.blockOnError || second.blockOnError };
}
