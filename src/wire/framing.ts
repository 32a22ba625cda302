import type { FrameDecoder } from "./frame.js";
import { HeaderDecoder } from "./header-decoder.js";
import { LineDecoder } from "./line-decoder.js";

/** How messages are cut out of the byte stream. Lines are Wire's own way; headers are an option. */
export type FramingName = "ndjson" | "content-length";

/** One way of framing: a decoder for one input stream, and the text to write for one line of JSON. */
export interface Framing {
  readonly decoder: FrameDecoder;
  readonly encode: (json: string) => string;
}

/** The largest message taken in, in bytes. */
export const MAX_MESSAGE_BYTES = 100 * 1024 * 1024;

/** Makes the framing of one connection. */
export function createFraming(name: FramingName, maxBytes = MAX_MESSAGE_BYTES): Framing {
  return name === "ndjson"
    ? { decoder: new LineDecoder({ maxBytes }), encode: encodeLine }
    : { decoder: new HeaderDecoder({ maxBytes }), encode: encodeHeader };
}

/** Frames one line of JSON (without line breaks) with its LF. */
export function encodeLine(json: string): string {
  return `${json}\n`;
}

/** Frames one JSON text with a Content-Length header. */
export function encodeHeader(json: string): string {
  return `Content-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
}
