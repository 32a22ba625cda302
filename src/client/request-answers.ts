/** Calls the host once for each request, whichever kernel asks and however often, and keeps what it said. */
import { fields } from "./extensions.js";
import { askHost, type HostSide } from "./host-answers.js";
import type { Envelope, KernelRequest } from "./wire-client.js";

interface Asked {
  request: KernelRequest;
  answer: Promise<object>;
  controller: AbortController;
  /** The host has answered. */
  settled: boolean;
}

/** Hooks that hold up what they are about. Nothing waits for the others: they may go on when the turn has ended. */
const AWAITED_HOOKS: readonly unknown[] = ["UserPromptSubmit", "PreToolUse", "Stop"];

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
    this.#drop((open) => key(open.request) === key(request));
    const controller = new AbortController();
    const answer = askHost(this.#host, request, grant, controller.signal);
    const asked: Asked = { request, answer, controller, settled: false };
    const settle = (): void => {
      asked.settled = true;
    };
    // Without a kernel nobody awaits it.
    answer.then(settle, settle);
    this.#asked.set(key(request), asked);
    return answer;
  }

  /** Lets go of what this event closes. A handler that still runs hears that nobody needs its answer. */
  seen(event: Envelope): void {
    this.#seen(event, null);
  }

  #seen(event: Envelope, agentId: unknown): void {
    const { request_id: requestId, tool_call_id: callId, event: inner, agent_id } = fields(event.payload);
    if (event.type === "SubagentEvent") this.#seen(fields(inner) as unknown as Envelope, agent_id ?? null);
    else if (event.type === "ApprovalResponse") this.#drop(({ request }) => request.payload.id === requestId);
    else if (event.type === "ToolResult") {
      this.#drop(({ request }) => callOf(request) === callId && [undefined, agentId].includes(agentOf(request)));
    }
  }

  /** The turn that made these calls is over; only what it did not wait for stays open, as what background agents ask. */
  turnEnded(madeCall: (callId: string) => boolean): void {
    this.#drop((asked) => wasWaitedFor(asked, madeCall));
  }

  /** A kernel is gone, and its background agents with it. With one that cannot resume nothing is asked again. */
  kernelLost(canResume: boolean): void {
    this.#drop(({ request }) => !canResume || isOfBackgroundAgent(request));
  }

  /** Nothing will be asked any more. */
  close(): void {
    this.#drop(() => true);
  }

  #known(request: KernelRequest): Asked | null {
    const known = this.#asked.get(key(request));
    return known !== undefined && matter(known.request) === matter(request) ? known : null;
  }

  #drop(closes: (asked: Asked) => boolean): void {
    for (const [id, asked] of this.#asked) {
      if (!closes(asked)) continue;
      this.#asked.delete(id);
      asked.controller.abort();
    }
  }
}

function key({ type, payload }: KernelRequest): string {
  return `${type} ${payload.id}`;
}

/** What an answer or an effect is for, to be compared; the rest differs from kernel to kernel. */
function matter({ type, payload }: KernelRequest): string {
  const asked = fields(payload);
  if (type === "ToolCallRequest") return JSON.stringify([asked.name, asked.arguments]);
  if (type === "ApprovalRequest") return JSON.stringify([asked.action, asked.description, asked.display]);
  if (type === "QuestionRequest") return JSON.stringify(asked.questions);
  return JSON.stringify([asked.subscription_id, asked.event, asked.target, hookedCall(payload)]);
}

/** A kernel cannot be asked which agent a call belongs to; those of background agents are shown in no turn. */
function wasWaitedFor({ request, settled }: Asked, madeCall: (callId: string) => boolean): boolean {
  const { type, payload } = request;
  if (type === "ToolCallRequest") return settled || madeCall(payload.id);
  if (type !== "HookRequest") return !isOfBackgroundAgent(request);
  const callId = hookedCall(payload);
  const isAwaited = AWAITED_HOOKS.includes(fields(payload).event);
  return settled || (isAwaited && (typeof callId !== "string" || madeCall(callId)));
}

function isOfBackgroundAgent({ payload }: KernelRequest): boolean {
  return fields(payload).source_kind === "background_agent";
}

/** The call that a hook is about. */
function hookedCall(payload: unknown): unknown {
  return fields(fields(payload).input_data).tool_call_id;
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
