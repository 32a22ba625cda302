/** The optional fields of a request, and which of them this server has turned out not to know. */
import type { ResolvedModel } from "../config/config.js";
import { isLocalHost } from "./server-host.js";

const LOCAL_MAX_TOKENS = 8192;
const REMOTE_MAX_TOKENS = 32_000;
const LEAST_MAX_TOKENS = 256;
const REFUSED =
  /unknown|unrecogni[sz]ed|unsupported|not supported|not support|unexpected|not permitted|not allowed|extra (?:field|input)|additional propert|invalid (?:field|param|argument)/i;
const TOO_LARGE = /too (?:large|big|high)|at most|less than|maximum|exceed|out of range/i;

export class RequestFields {
  readonly #resolved: ResolvedModel;
  readonly #local: boolean;
  readonly #refused = new Set<string>();
  #maxTokensField = "max_tokens";

  constructor(resolved: ResolvedModel, hostname: string) {
    this.#resolved = resolved;
    this.#local = isLocalHost(hostname);
  }

  /** True when the field may be sent. */
  accepts(field: string): boolean {
    return !this.#refused.has(field);
  }

  /** The fields that go behind the messages, in a fixed order. `left` is what the window has left, null if unknown. */
  tail(left: number | null, maxTokens: number | undefined, forbidCalls: boolean): Record<string, unknown> {
    const { temperature, topP, provider, capabilities, thinking } = this.#resolved;
    const fields: Record<string, unknown> = { [this.#maxTokensField]: this.#maxTokens(left, maxTokens) };
    if (temperature !== null) fields.temperature = temperature;
    if (topP !== null) fields.top_p = topP;
    if (capabilities.has("thinking") && !capabilities.has("always_thinking")) {
      if (provider.type === "kimi") fields.thinking = { type: thinking ? "enabled" : "disabled" };
      else if (!thinking) fields.reasoning_effort = "none";
    }
    if (forbidCalls) fields.tool_choice = "none";
    for (const field of this.#refused) delete fields[field];
    return fields;
  }

  /**
   * Looks for a sent optional field in the text of a 400 or 422 that complains about a field. Returns its name and leaves
   * it out from now on; null when the error is about something else.
   */
  refuse(sent: Readonly<Record<string, unknown>>, errorText: string): string | null {
    for (const field of [...Object.keys(sent), "reasoning_content", "reasoning"]) {
      if (REQUIRED.has(field) || this.#refused.has(field)) continue;
      if (!new RegExp(`(?<![\\w.-])${field}(?![\\w-])`).test(errorText)) continue;
      const isLimit = field === "max_tokens" || field === "max_completion_tokens";
      if (!REFUSED.test(errorText) && !(isLimit && TOO_LARGE.test(errorText))) continue;
      if (field === "max_tokens" && REFUSED.test(errorText) && errorText.includes("max_completion_tokens")) {
        this.#maxTokensField = "max_completion_tokens";
      }
      this.#refused.add(field);
      return field;
    }
    return null;
  }

  #maxTokens(left: number | null, asked: number | undefined): number {
    const explicit = asked ?? this.#resolved.maxTokens;
    if (explicit !== null) return explicit;
    const limit = this.#local ? LOCAL_MAX_TOKENS : REMOTE_MAX_TOKENS;
    return left === null ? limit : Math.max(LEAST_MAX_TOKENS, Math.min(limit, left));
  }
}

const REQUIRED: ReadonlySet<string> = new Set(["model", "messages", "tools", "stream"]);
