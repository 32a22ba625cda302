/** Everything a host hears of its kernels goes through here: once, in order, to the turn and to the handlers. */
import { wireError } from "../wire/errors.js";
import type { Event } from "../wire/generated/types.gen.js";
import { EventCursor } from "./event-cursor.js";
import { type EventStamp, fields } from "./extensions.js";
import type { HostHandlers } from "./host.js";
import { askAny } from "./lasting-calls.js";
import type { LiveKernel } from "./live-kernel.js";
import { quietly } from "./quietly.js";
import type { RequestAnswers } from "./request-answers.js";
import { type Timing, within } from "./timing.js";
import type { TurnHandle } from "./turn-handle.js";
import type { TurnProgress } from "./turn-progress.js";
import type { Envelope, KernelRequest, WireListener } from "./wire-client.js";

const LATE_END_MS = 250;
/** How long the end of a turn waits for what is missing of it; a kernel that lives sends it at once. */
const FILL_MS = 10_000;

export interface DeliveryOptions {
  handlers: HostHandlers;
  answers: RequestAnswers;
  /** The newest event the host has seen; null when it does not know. */
  since: number | null;
  /** The kernel that lives, to be asked for what is missing. */
  kernel(): LiveKernel | null;
  /** It, or the next one; rejects when none will come. */
  ready(): Promise<LiveKernel>;
  /** A kernel says that nobody knows the outcome of this call. */
  onUnknownOutcome(callId: string): void;
}

/** One for the life of a client, over all its kernels. */
export class EventDelivery implements WireListener {
  readonly #options: DeliveryOptions;
  readonly #cursor: EventCursor;
  #turn: TurnHandle | null = null;
  /** Hears a replay of the stored session, which is nothing new. It has no stamps; what happens meanwhile has. */
  #replay: ((event: Event) => void) | null = null;
  /** The turn has ended: what comes is the rest of it. */
  #isRest = false;
  /** The replay that fills a gap. */
  #filling: Promise<void> | null = null;
  /** Requests of this turn that the host was shown. */
  readonly #shown = new Set<string>();

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#cursor = new EventCursor(options.since, () => this.#fillGap());
  }

  get cursor(): number | null {
    return this.#cursor.last;
  }

  /** From now on events are this turn's. */
  attach(turn: TurnHandle): void {
    this.#turn = turn;
  }

  /**
   * The turn is over, but for what is missing of it. Kernels before Wire 1.10 may write its end behind the answer: it is
   * waited for a moment, so that it is not taken for the next turn's.
   */
  async detach({ progress }: TurnHandle, timing: Timing): Promise<void> {
    await within(timing, FILL_MS, this.#complete(progress));
    if (progress.isOpen && this.#options.kernel() !== null) await within(timing, LATE_END_MS, progress.ended);
    this.#turn = null;
    this.#shown.clear();
    this.#options.answers.turnEnded((callId) => progress.made(callId));
  }

  /** Sends what comes of the past to `replay` alone, until null is given. */
  divert(replay: ((event: Event) => void) | null): void {
    this.#replay = replay;
    // While it ran no other replay was to be had.
    if (replay === null && this.#cursor.hasGap) this.#fillGap();
  }

  /** Asks for everything behind the cursor. Rejects only when the kernel is lost; a refusal leaves the gap. */
  async catchUp(kernel: LiveKernel): Promise<void> {
    if (!kernel.extensions.has("seq/1")) return;
    const since = this.#cursor.replayBegins();
    let end: "answered" | "busy" | "lost" = "answered";
    try {
      await kernel.wire.replay(since);
    } catch (error) {
      if (fields(error).code === "turn_in_progress") end = "busy";
      if (!kernel.wire.lost(error)) return;
      end = "lost";
      throw error;
    } finally {
      this.#cursor.replayEnds(end);
    }
  }

  /** As `catchUp`, for the rest of a turn that has ended. What follows from a later turn of someone else is not its own. */
  async catchUpRest(kernel: LiveKernel): Promise<void> {
    this.#isRest = true;
    try {
      await this.catchUp(kernel);
    } finally {
      this.#isRest = false;
    }
  }

  /** The kernel is gone. */
  kernelLost({ canResume }: LiveKernel): void {
    this.#cursor.forgetHeld();
    this.#options.answers.kernelLost(canResume);
  }

  /** Shows the host the end of everything open in the turn, and gives the calls that are unknown now. */
  breakOff(): readonly string[] {
    const unknown = this.#turn?.progress.openCalls ?? [];
    for (const event of this.#turn?.progress.closing() ?? []) this.#deliver(event);
    return unknown;
  }

  onEvent(event: Envelope, stamp: EventStamp | null): void {
    if (this.#replay !== null && stamp === null) this.#replay(event as Event);
    else {
      this.#cursor.offer(stamp, () => {
        if (stamp !== null && stamp.seq > 0 && stamp.prev === 0) this.#turnBegins();
        this.#received(event);
      });
    }
  }

  async onRequest(request: KernelRequest, stamp: EventStamp | null, grant: unknown): Promise<object> {
    const { answers } = this.#options;
    if (this.#replay !== null && stamp === null) {
      // It was settled in its time; unless it still waits for the very same host.
      if (answers.knows(request)) return await answers.answer(request, grant);
      throw wireError("method_not_found", { fill: { method: request.type } });
    }
    this.onShownRequest(request, stamp);
    return await answers.answer(request, grant);
  }

  onShownRequest(request: Envelope, stamp: EventStamp | null): void {
    if (this.#replay !== null && stamp === null) return;
    this.#cursor.offer(stamp, () => {
      const id = `${request.type} ${String(fields(request.payload).id)}`;
      if (this.#shown.has(id)) return;
      this.#shown.add(id);
      quietly(() => this.#options.handlers.onEnvelope?.("request", request));
    });
  }

  /** The first record of a turn was sent. Behind the turn's own begin it is another one, and the turn's end is lost. */
  #turnBegins(): void {
    if (!this.#isRest || this.#turn?.progress.hasBegun !== true) return;
    for (const event of this.#turn.progress.closing()) this.#received(event);
    this.#turn = null;
  }

  #fillGap(): void {
    const kernel = this.#options.kernel();
    // What was lost with a kernel is asked of the next one.
    if (kernel === null) return;
    const filling = this.catchUp(kernel)
      .catch(() => {})
      .finally(() => {
        if (this.#filling === filling) this.#filling = null;
      });
    this.#filling = filling;
  }

  /** Asks for what a turn still misses that was answered: what a gap holds up, and its end. Also of the next kernel. */
  async #complete(progress: TurnProgress): Promise<void> {
    // A kernel that does not number cannot say what is missing.
    const isBehind = (): boolean => this.#cursor.hasGap || (progress.isOpen && this.#cursor.last !== null);
    if (!isBehind()) return;
    const ask = async (kernel: LiveKernel): Promise<void> => {
      while (this.#filling !== null) await this.#filling;
      if (isBehind()) await this.catchUpRest(kernel);
      while (this.#filling !== null) await this.#filling;
    };
    // Without a kernel it stays as it is.
    await askAny(this.#options.ready, ask).catch(() => {});
  }

  #received(event: Envelope): void {
    const unknown = unknownCall(event);
    if (unknown !== null) this.#options.onUnknownOutcome(unknown);
    this.#deliver(event);
  }

  #deliver(event: Envelope): void {
    const { answers, handlers } = this.#options;
    answers.seen(event);
    this.#turn?.push(event);
    quietly(() => handlers.onEnvelope?.("event", event));
    quietly(() => handlers.onEvent?.(event as Event));
  }
}

function unknownCall({ type, payload }: Envelope): string | null {
  const { tool_call_id: id, return_value: value, event } = fields(payload);
  if (type === "SubagentEvent") return unknownCall(fields(event) as unknown as Envelope);
  const { code } = fields(fields(value).extras);
  return type === "ToolResult" && typeof id === "string" && code === "unknown_outcome" ? id : null;
}
