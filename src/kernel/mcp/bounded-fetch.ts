/** A fetch whose answers cannot fill the memory: one message, or one event of a stream, is at most 16 MiB. */
import { FloodGuard } from "./flood-guard.js";

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** Statuses of which a Response may not have a body. */
const NO_BODY = new Set([101, 204, 205, 304]);
const NEWLINE = 0x0a;
const RETURN = 0x0d;

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** Wraps `inner` (default: Node's own). Bodies above the limits end in an error. */
export function boundedFetch(inner: Fetch = (url, init) => fetch(url, init)): Fetch {
  const flood = new FloodGuard();
  return async (url, init) => {
    const response = await inner(url, init);
    const { body, status, statusText, headers } = response;
    if (body === null || NO_BODY.has(status) || status < 200) return response;
    const isEvents = (headers.get("content-type") ?? "").startsWith("text/event-stream");
    return new Response(body.pipeThrough(limited(isEvents, flood)), { status, statusText, headers });
  };
}

function limited(isEvents: boolean, flood: FloodGuard): TransformStream<Uint8Array, Uint8Array> {
  let length = 0;
  return new TransformStream({
    transform(chunk, controller) {
      const behindEvent = isEvents ? afterBlankLine(chunk) : null;
      length = behindEvent === null ? length + chunk.length : chunk.length - behindEvent;
      if (length > MAX_MESSAGE_BYTES) controller.error(new Error("the server sent a message above 16 MiB"));
      else if (flood.isFlood(chunk.length)) controller.error(new Error("the server floods its output"));
      else controller.enqueue(chunk);
    },
  });
}

/** Where the part of the chunk begins that belongs to an unfinished event; null when no event ends in it. */
function afterBlankLine(chunk: Uint8Array): number | null {
  for (let at = chunk.length - 1; at > 0; at--) {
    if (chunk[at] !== NEWLINE && chunk[at] !== RETURN) continue;
    const before = chunk[at] === NEWLINE && chunk[at - 1] === RETURN ? at - 2 : at - 1;
    const byte = before < 0 ? undefined : chunk[before];
    if (byte === NEWLINE || byte === RETURN) return at + 1;
  }
  return null;
}
