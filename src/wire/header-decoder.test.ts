import { describe, expect, it } from "vitest";
import type { Frame } from "./frame.js";
import { createFraming, encodeHeader } from "./framing.js";
import { HeaderDecoder } from "./header-decoder.js";
import { seededRandom } from "./testing/seeded-random.js";

function decode(pieces: (string | Uint8Array)[], maxBytes = 1000): string[] {
  const decoder = new HeaderDecoder({ maxBytes });
  const frames: Frame[] = [];
  for (const piece of pieces) {
    for (const frame of decoder.push(typeof piece === "string" ? Buffer.from(piece) : piece)) {
      frames.push(frame.kind === "message" ? { kind: "message", bytes: Buffer.from(frame.bytes) } : frame);
    }
  }
  frames.push(...decoder.end());
  return frames.map((frame) => (frame.kind === "message" ? frame.bytes.toString() : `<${frame.kind}>`));
}

describe("HeaderDecoder", () => {
  it.each<[string, string, string[]]>([
    ["its own encoding", encodeHeader('{"a":"é"}') + encodeHeader("{}"), ['{"a":"é"}', "{}"]],
    ["LF alone between headers", "Content-Length: 2\n\n{}", ["{}"]],
    ["any case and other headers", "content-type: x\r\nCONTENT-LENGTH:2\r\n\r\n{}", ["{}"]],
    ["blank lines between blocks", `\r\n\r\n${encodeHeader("{}")}`, ["{}"]],
    ["an empty body", `Content-Length: 0\r\n\r\n${encodeHeader("{}")}`, ["{}"]],
    ["a block without a length", `X: 1\r\n\r\n${encodeHeader("{}")}`, ["<malformed>", "{}"]],
    ["a length that is no number", `Content-Length: -2\r\n\r\n${encodeHeader("{}")}`, ["<malformed>", "{}"]],
    ["an endless header line", `${"x".repeat(20_000)}\r\n\r\n${encodeHeader("{}")}`, ["<malformed>", "{}"]],
    ["a body over the cap", encodeHeader("x".repeat(1001)) + encodeHeader("{}"), ["<oversize>", "{}"]],
    ["half a header", "Content-Len", ["<truncated>"]],
    ["a header without its body", "Content-Length: 2\r\n\r\n", ["<truncated>"]],
    ["half a body", "Content-Length: 3\r\n\r\n{}", ["<truncated>"]],
  ])("takes %s", (_name, input, expected) => {
    expect(decode([input])).toEqual(expected);
    expect(decode(Array.from(Buffer.from(input), (byte) => Uint8Array.of(byte)))).toEqual(expected);
  });

  it("gives the same messages however the bytes are cut", () => {
    const bodies = ["{}", '{"t":"é漢😀"}', "x".repeat(200), "a\nb\r\n\r\nc"];
    const bytes = Buffer.from(bodies.map(encodeHeader).join(""));
    const random = seededRandom(7);
    for (let round = 0; round < 2_000; round++) {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + Math.floor(random() * 40);
        pieces.push(bytes.subarray(at, at + size));
        at += size;
      }
      expect(decode(pieces)).toEqual(bodies);
    }
  });
});

describe("createFraming", () => {
  it.each(["ndjson", "content-length"] as const)("%s decodes what it encodes", (name) => {
    const { decoder, encode } = createFraming(name);
    const frames = decoder.push(Buffer.from(encode('{"a":"é"}') + encode("{}")));
    expect(frames.map((frame) => frame.kind === "message" && frame.bytes.toString())).toEqual(['{"a":"é"}', "{}"]);
  });
});
