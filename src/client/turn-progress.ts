/** Follows one turn by its events: where it stands, and what is still open should its kernel die. */
import type { Event, SubagentEvent } from "../wire/generated/types.gen.js";
import { deferred } from "./deferred.js";
import { fields } from "./extensions.js";
import type { Envelope } from "./wire-client.js";

/** Puts an event of a subagent back into its envelope. */
type Wrap = (event: Event) => Event;

interface Call {
  wrap: Wrap;
  /** The agents it belongs to, outermost first; empty for the turn's own. */
  agents: string;
}

const CLOSES: Readonly<Record<string, Event["type"]>> = {
  CompactionEnd: "CompactionBegin",
  MCPLoadingEnd: "MCPLoadingBegin",
  TurnEnd: "TurnBegin",
};
const MESSAGE = "The kernel died while this ran: nobody knows whether it took effect.";

/** Made with the turn; sees each of its events once. */
export class TurnProgress {
  #steps = 0;
  #hasBegun = false;
  readonly #ended = deferred<void>();
  readonly #calls = new Map<string, Call>();
  readonly #made = new Set<string>();
  /** What has begun and not ended, outermost first. */
  readonly #brackets: { type: string; wrap: Wrap }[] = [];

  /** Resolves when the end of the turn was seen. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Whether the begin of the turn was seen. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Whether the turn itself has begun and not ended. */
  get isOpen(): boolean {
    return this.#brackets.some(({ type }) => type === "TurnBegin");
  }

  /** The tool calls without a result. */
  get openCalls(): readonly string[] {
    return [...this.#calls.keys()];
  }

  /** Whether the call was begun in this turn, by it or an agent of it. */
  made(callId: string): boolean {
    return this.#made.has(callId);
  }

  /** Step, and call or model: two deaths there within one turn have one cause. */
  get place(): string {
    const [call = "model"] = this.#calls.keys();
    return `${this.#steps}/${call}`;
  }

  see(event: Envelope): void {
    this.#hasBegun ||= event.type === "TurnBegin";
    this.#see(event, (inner) => inner, "");
  }

  /** The ends of everything that is open, for a turn that nobody goes on with. They are to be seen as its events are. */
  closing(): Event[] {
    const ends = [...this.#calls].map(([id, { wrap }]) => wrap(unknownOutcome(id)));
    for (const { type, wrap } of this.#brackets.toReversed()) {
      const [end] = Object.entries(CLOSES).find(([, begin]) => begin === type) as [Event["type"], string];
      ends.push(wrap({ type: end, payload: {} } as Event));
    }
    return ends;
  }

  /** The attempt is void, and the calls that it began. */
  #forget(agents: string): void {
    for (const [id, call] of this.#calls) if (call.agents === agents) this.#calls.delete(id);
  }

  #see(event: Envelope, wrap: Wrap, agents: string): void {
    const payload = fields(event.payload);
    if (event.type === "SubagentEvent") {
      const outer = payload as unknown as SubagentEvent;
      const rewrap: Wrap = (inner) => wrap({ type: "SubagentEvent", payload: { ...outer, event: inner } });
      this.#see(fields(outer.event) as unknown as Envelope, rewrap, `${agents}/${outer.agent_id}`);
    } else if (event.type === "StepBegin") this.#steps += 1;
    else if (event.type === "StepRetry") this.#forget(agents);
    else if (event.type === "ToolCall" && typeof payload.id === "string") {
      this.#calls.set(payload.id, { wrap, agents });
      this.#made.add(payload.id);
    } else if (event.type === "ToolResult") this.#calls.delete(String(payload.tool_call_id));
    else if (Object.values<string>(CLOSES).includes(event.type)) this.#brackets.push({ type: event.type, wrap });
    else {
      const open = this.#brackets.findLastIndex(({ type }) => type === CLOSES[event.type]);
      if (open !== -1) this.#brackets.splice(open, 1);
      if (event.type === "TurnEnd" && !this.isOpen) this.#ended.resolve();
    }
  }
}

function unknownOutcome(id: string): Event {
  const extras = { code: "unknown_outcome" };
  const return_value = { is_error: true, output: "", message: MESSAGE, display: [], extras };
  return { type: "ToolResult", payload: { tool_call_id: id, return_value } };
}
