/** Calls the host once for each request, whichever kernel asks and however often, and keeps what it said. */
import { fields } from "./extensions.js";
import { askHost, type HostSide } from "./host-answers.js";
import type { Envelope, KernelRequest } from "./wire-client.js";

interface Asked {
  request: KernelRequest;
  answer: Promise<object>;
  controller: AbortController;
}

/** Answers are kept until the record that closes their request was seen, or the turn has ended. */
export class RequestAnswers {
  readonly #host: HostSide;
  readonly #asked = new Map<string, Asked>();

  constructor(host: HostSide) {
    this.#host = host;
  }

  /** Whether the host was asked this already and the request is still open. */
  knows(request: KernelRequest): boolean {
    return this.#known(request) !== null;
  }

  /**
   * The result for the kernel; rejects with the WireError it is to get. A request that comes again joins the first; one
   * that only has its id is another: a yes is for what was shown.
   */
  answer(request: KernelRequest, grant: unknown): Promise<object> {
    const known = this.#known(request);
    if (known !== null) return known.answer;
    this.#drop((open) => key(open) === key(request));
    const controller = new AbortController();
    const answer = askHost(this.#host, request, grant, controller.signal);
    // Without a kernel nobody awaits it.
    answer.catch(() => {});
    this.#asked.set(key(request), { request, answer, controller });
    return answer;
  }

  /** Lets go of what this event closes. A handler that still runs hears that nobody needs its answer. */
  seen(event: Envelope): void {
    this.#seen(event, null);
  }

  #seen(event: Envelope, agentId: unknown): void {
    const { request_id: requestId, tool_call_id: callId, event: inner, agent_id } = fields(event.payload);
    if (event.type === "SubagentEvent") this.#seen(fields(inner) as unknown as Envelope, agent_id ?? null);
    else if (event.type === "ApprovalResponse") this.#drop(({ payload }) => payload.id === requestId);
    else if (event.type === "ToolResult") {
      this.#drop((request) => callOf(request) === callId && [undefined, agentId].includes(agentOf(request)));
    }
  }

  /** The turn is over; only what background agents ask stays open. */
  turnEnded(): void {
    this.#drop(({ payload }) => fields(payload).source_kind !== "background_agent");
  }

  /** Nothing will be asked any more. */
  close(): void {
    this.#drop(() => true);
  }

  #known(request: KernelRequest): Asked | null {
    const known = this.#asked.get(key(request));
    return known !== undefined && matter(known.request) === matter(request) ? known : null;
  }

  #drop(closes: (request: KernelRequest) => boolean): void {
    for (const [id, { request, controller }] of this.#asked) {
      if (!closes(request)) continue;
      this.#asked.delete(id);
      controller.abort();
    }
  }
}

function key({ type, payload }: KernelRequest): string {
  return `${type} ${payload.id}`;
}

/** What a yes or an effect is for, to be compared; the rest differs from kernel to kernel. */
function matter({ type, payload }: KernelRequest): string {
  const { name, arguments: given, action, description, display } = fields(payload);
  if (type === "ToolCallRequest") return JSON.stringify([name, given]);
  return type === "ApprovalRequest" ? JSON.stringify([action, description, display]) : "";
}

/** The call whose result closes the request; undefined for none. */
function callOf({ type, payload }: KernelRequest): unknown {
  if (type === "ToolCallRequest") return payload.id;
  return type === "QuestionRequest" || type === "ApprovalRequest" ? fields(payload).tool_call_id : undefined;
}

/** The subagent whose call that is, null for none; undefined when it does not say. The calls of two may have the same id. */
function agentOf({ type, payload }: KernelRequest): unknown {
  return type === "ApprovalRequest" ? (fields(payload).agent_id ?? null) : undefined;
}
