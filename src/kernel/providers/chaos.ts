/** A provider that makes another one fail in a seeded, repeatable way. For tests of everything above it. */
import { delay } from "../abort.js";
import type { ContentPart } from "../messages.js";
import type { Capability, ChatProvider, ChatRequest, ProviderErrorType, StreamEnd, StreamPart } from "./provider.js";
import { ProviderError } from "./provider.js";

const DEFAULT_SLOW_START_MS = 200;
const FAULTS = ["status", "connection", "cut", "empty", "slow", "split"] as const;
type Fault = (typeof FAULTS)[number];
const STATUSES = [429, 500, 502, 503] as const;

export interface ChaosOptions {
  /** The same seed gives the same faults in the same order. */
  seed: number;
  /** Share of the requests that get a fault, 0 to 1. */
  rate: number;
  /** Longest wait of a slow start in milliseconds. */
  slowStartMs?: number;
}

/** Reads KERNEL_CHAOS_SEED (default 1) and KERNEL_CHAOS_RATE (default 0.3). */
export function chaosOptions(env: Readonly<Record<string, string>>): ChaosOptions {
  const seed = Number(env.KERNEL_CHAOS_SEED || "1");
  const rate = Number(env.KERNEL_CHAOS_RATE || "0.3");
  return {
    seed: Number.isFinite(seed) ? seed : 1,
    rate: Number.isFinite(rate) ? Math.min(1, Math.max(0, rate)) : 0.3,
  };
}

/** Wraps `inner` and takes over closing it. */
export function createChaos(inner: ChatProvider, options: ChaosOptions): ChatProvider {
  return new Chaos(inner, options);
}

class Chaos implements ChatProvider {
  readonly #inner: ChatProvider;
  readonly #rate: number;
  readonly #slowStartMs: number;
  readonly #random: () => number;

  constructor(inner: ChatProvider, options: ChaosOptions) {
    this.#inner = inner;
    this.#rate = options.rate;
    this.#slowStartMs = options.slowStartMs ?? DEFAULT_SLOW_START_MS;
    this.#random = seededRandom(options.seed);
  }

  get modelName(): string {
    return this.#inner.modelName;
  }

  get capabilities(): ReadonlySet<Capability> {
    return this.#inner.capabilities;
  }

  get canPrefill(): boolean {
    return this.#inner.canPrefill === true;
  }

  get maxContextSize(): number {
    return this.#inner.maxContextSize;
  }

  async warmUp(): Promise<void> {
    await this.#inner.warmUp?.();
  }

  async close(): Promise<void> {
    await this.#inner.close?.();
  }

  async *stream(request: ChatRequest, signal: AbortSignal): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
    // Always three draws a request, so that one fault does not move the ones after it.
    const [hit, which, detail] = [this.#random(), this.#random(), this.#random()];
    const fault: Fault | null = hit < this.#rate ? (FAULTS[Math.floor(which * FAULTS.length)] ?? null) : null;
    signal.throwIfAborted();
    if (fault === "status") throw statusFault(STATUSES[Math.floor(detail * STATUSES.length)] ?? 500);
    if (fault === "connection") throw chaosError("connection error", "APIConnectionError");
    if (fault === "empty") throw chaosError("empty reply", "APIEmptyResponseError");
    if (fault === "slow") await delay(Math.ceil(detail * this.#slowStartMs), signal);
    const source = this.#inner.stream(request, signal);
    if (fault === "cut") return yield* cut(source, Math.floor(detail * 4));
    if (fault === "split") return yield* split(source);
    return yield* source;
  }
}

/** Passes on `count` parts and breaks off, at the latest in place of the end. */
async function* cut(
  source: AsyncGenerator<readonly StreamPart[], StreamEnd, void>,
  count: number,
): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
  let left = count;
  for await (const parts of source) {
    const kept = parts.slice(0, left);
    left -= kept.length;
    if (kept.length > 0) yield kept;
    if (left === 0) break;
  }
  throw chaosError("cut stream", "APIConnectionError", "stream_truncated");
}

/** Every part alone, texts and arguments character by character. */
async function* split(
  source: AsyncGenerator<readonly StreamPart[], StreamEnd, void>,
): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
  for (;;) {
    const next = await source.next();
    if (next.done) return next.value;
    for (const part of next.value) for (const piece of pieces(part)) yield [piece];
  }
}

function pieces(part: StreamPart): StreamPart[] {
  if (part.kind === "tool_call_part" && part.argumentsPart) {
    return [...part.argumentsPart].map((char) => ({ kind: "tool_call_part", argumentsPart: char }));
  }
  if (part.kind === "content") return contentPieces(part.part).map((piece) => ({ kind: "content", part: piece }));
  return [part];
}

function contentPieces(part: ContentPart): ContentPart[] {
  if (part.type === "text" && part.text !== "") return [...part.text].map((text) => ({ type: "text", text }));
  if (part.type === "think" && part.think !== "" && part.encrypted === null) {
    return [...part.think].map((think) => ({ type: "think", think, encrypted: null }));
  }
  return [part];
}

function chaosError(what: string, errorType: ProviderErrorType, code = "chaos"): ProviderError {
  return new ProviderError(`Chaos: ${what}`, { errorType, code, retryable: true });
}

function statusFault(status: number): ProviderError {
  return new ProviderError(`Chaos: status ${status}`, {
    errorType: "APIStatusError",
    code: `http_${status}`,
    retryable: true,
    statusCode: status,
  });
}

/** mulberry32: small, fast and the same everywhere. */
function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
