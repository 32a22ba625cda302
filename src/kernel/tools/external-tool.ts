/** Tools that the client owns: it registered them at initialize and runs them on request. */
import { errorMessage } from "../errors.js";
import type { ToolDefinition } from "../providers/provider.js";
import { type ForeignCheck, foreignSchema, readForeignArguments } from "./support/foreign-schema.js";
import type { EarlierRequest, PreparedCall, ToolReturn } from "./tool.js";
import type { CallableTool, CallContext } from "./toolset.js";

export interface ExternalToolOffer {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

/** Sends a ToolCallRequest and resolves with the tool's result; never rejects but on abort. */
export type CallClientTool = (
  call: { id: string; name: string; arguments: string | null },
  signal: AbortSignal,
  earlier?: EarlierRequest,
) => Promise<ToolReturn>;

export interface ExternalToolOutcome {
  accepted: string[];
  rejected: { name: string; reason: string }[];
}

/** The registered external tools of one kernel, in order of registration. */
export class ExternalTools {
  readonly #reserved: ReadonlySet<string>;
  readonly #call: CallClientTool;
  readonly #tools = new Map<string, ExternalTool>();

  constructor(reserved: ReadonlySet<string>, call: CallClientTool) {
    this.#reserved = reserved;
    this.#call = call;
  }

  /** Registers what is offered; a later definition of an external name replaces the earlier one. */
  async register(offers: readonly ExternalToolOffer[]): Promise<ExternalToolOutcome> {
    const outcome: ExternalToolOutcome = { accepted: [], rejected: [] };
    for (const offer of offers) {
      if (this.#reserved.has(offer.name)) {
        outcome.rejected.push({ name: offer.name, reason: "conflicts with builtin tool" });
        continue;
      }
      try {
        const check = await foreignSchema(offer.parameters);
        this.#tools.set(offer.name, new ExternalTool(offer, check, this.#call));
        outcome.accepted.push(offer.name);
      } catch (error) {
        const detail = errorMessage(error);
        outcome.rejected.push({ name: offer.name, reason: detail === "" ? "invalid schema" : detail });
      }
    }
    return outcome;
  }

  get definitions(): ToolDefinition[] {
    return [...this.#tools.values()].map((tool) => tool.definition);
  }

  find(name: string): CallableTool | null {
    return this.#tools.get(name) ?? null;
  }
}

class ExternalTool implements CallableTool {
  readonly name: string;
  readonly definition: ToolDefinition;
  readonly #check: ForeignCheck;
  readonly #callClient: CallClientTool;

  constructor(offer: ExternalToolOffer, check: ForeignCheck, callClient: CallClientTool) {
    this.name = offer.name;
    this.definition = { name: offer.name, description: offer.description, parameters: offer.parameters };
    this.#check = check;
    this.#callClient = callClient;
  }

  exclusiveKey(): string | null {
    return null;
  }

  async prepare(argumentsJson: string | null, call: CallContext): Promise<PreparedCall | ToolReturn> {
    const read = readForeignArguments(argumentsJson, this.#check);
    if (!read.ok) return read.result;
    return {
      ask: null,
      effect: "exec",
      byClient: true,
      execute: ({ signal, earlier }) =>
        this.#callClient({ id: call.toolCallId, name: this.name, arguments: argumentsJson }, signal, earlier),
    };
  }
}
