/** What framing cuts out of the byte stream. */

/** A whole message without its frame. The bytes may be a view into the chunk: use them before the next push. */
export interface MessageFrame {
  readonly kind: "message";
  readonly bytes: Buffer;
}

/**
 * What a decoder found. `oversize`: a message over the cap, reported once, its bytes are skipped. `truncated`: the
 * input ended inside a message. `malformed`: a header block without a usable length.
 */
export type Frame =
  | MessageFrame
  | { readonly kind: "oversize" }
  | { readonly kind: "truncated" }
  | { readonly kind: "malformed" };

/** Cuts bytes into frames. `push` takes any piece of the stream, `end` says that no more will come. */
export interface FrameDecoder {
  push(chunk: Uint8Array): Frame[];
  end(): Frame[];
}
