/** Runs one request: opens it, reads it to its end and settles exactly once, whichever way the connection goes. */
import { BodyReader, type IdleTimeouts, silence } from "./body-reader.js";
import type { ChatChunks } from "./chat-chunks.js";
import { ChatDecoder } from "./chat-decoder.js";
import type { HttpReply } from "./http-fetch.js";
import { ProviderError, type StreamEnd, type StreamPart } from "./provider.js";

/** How long a server that has given its finish reason may take to close the stream. */
const AFTER_FINISH_MS = 2000;

export interface ChatStreamOptions {
  /** Sends the request and resolves with the headers of a 2xx reply. Rejects with ProviderError. */
  open: (signal: AbortSignal) => Promise<HttpReply>;
  chunks: ChatChunks;
  timeouts: IdleTimeouts;
  signal: AbortSignal;
  /** Called once, when the reply has ended well. */
  onEnd?: (end: StreamEnd) => void;
}

/** The parts of one reply, one array per read; see ChatProvider.stream. Parts that came before a failure are yielded. */
export async function* runChatStream({
  open,
  chunks,
  timeouts,
  signal,
  onEnd,
}: ChatStreamOptions): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  let body: BodyReader | null = null;
  let clean = false;
  try {
    const reply = await opened(open, controller, timeouts.firstByteMs);
    body = new BodyReader(reply.incoming, controller.signal);
    const decoder = new ChatDecoder(reply.headers.get("content-type") ?? "", chunks);
    let wait = timeouts.firstByteMs;
    for (;;) {
      const failure = await step(body, decoder, chunks, wait);
      wait = chunks.finished ? AFTER_FINISH_MS : timeouts.idleMs;
      signal.throwIfAborted();
      if (failure instanceof Error) chunks.abandon();
      const parts = chunks.take();
      if (parts.length > 0) yield parts;
      if (failure === "end") break;
      if (failure !== null) throw failure;
    }
    clean = true;
    const end = chunks.end();
    const rest = chunks.take();
    onEnd?.(end);
    if (rest.length > 0) yield rest;
    return end;
  } finally {
    signal.removeEventListener("abort", onAbort);
    if (clean) body?.release();
    else body?.close();
  }
}

async function opened(
  open: ChatStreamOptions["open"],
  controller: AbortController,
  firstByteMs: number,
): Promise<HttpReply> {
  const timer = firstByteMs > 0 ? setTimeout(() => controller.abort(silence(firstByteMs)), firstByteMs) : undefined;
  try {
    return await open(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

/** One read: null to go on, "end" at a clean end, or the failure that ended the reply. */
async function step(
  body: BodyReader,
  decoder: ChatDecoder,
  chunks: ChatChunks,
  waitMs: number,
): Promise<Error | "end" | null> {
  let bytes: Buffer | null;
  try {
    bytes = await body.read(waitMs);
  } catch (error) {
    // The server has said all it had to say; how the connection ends does not matter any more.
    if (chunks.finished) return "end";
    return error instanceof ProviderError ? error : truncated(decoder.sawChunk, error);
  }
  try {
    if (bytes === null) decoder.end();
    else decoder.push(bytes);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
  if (decoder.done) return "end";
  if (bytes !== null) return null;
  if (chunks.finished) return "end";
  return decoder.sawChunk ? truncated(true) : emptyReply();
}

function truncated(sawChunk: boolean, cause?: unknown): ProviderError {
  const when = sawChunk ? "in the middle of its reply" : "before its reply";
  return new ProviderError(`The model server closed the connection ${when}.`, {
    errorType: "APIConnectionError",
    code: "stream_truncated",
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}

function emptyReply(): ProviderError {
  return new ProviderError("The model server sent no reply.", {
    errorType: "APIEmptyResponseError",
    code: "empty_response",
    retryable: true,
  });
}
