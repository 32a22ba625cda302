import { describe, expect, it } from "vitest";
import type { Frame } from "./frame.js";
import { MAX_MESSAGE_BYTES } from "./framing.js";
import { LineDecoder } from "./line-decoder.js";
import { seededRandom } from "./testing/seeded-random.js";

const MIB = 1024 * 1024;

function decode(pieces: (string | Uint8Array)[], maxBytes = MAX_MESSAGE_BYTES): string[] {
  const decoder = new LineDecoder({ maxBytes });
  const found: string[] = [];
  const note = (frames: Frame[]): void => {
    for (const frame of frames) {
      found.push(frame.kind === "message" ? frame.bytes.toString() : `<${frame.kind}>`);
    }
  };
  for (const piece of pieces) {
    note(decoder.push(typeof piece === "string" ? Buffer.from(piece) : piece));
  }
  note(decoder.end());
  return found;
}

describe("LineDecoder", () => {
  it.each<[string, string, string[]]>([
    ["two lines in one piece", "a\nb\n", ["a", "b"]],
    ["CRLF", "a\r\nb\r\n", ["a", "b"]],
    ["blank lines", "\n\r\n  \t\na\n\n", ["a"]],
    ["a lone CR, which never splits", "a\rb\n", ["a\rb"]],
    ["a CR at the end of the input", "\r", []],
    ["U+2028, U+2029 and U+0085, which never split", "a\u2028b\u2029c\u0085d\n", ["a\u2028b\u2029c\u0085d"]],
    ["other C0 controls, which never split", "a\u000bb\u000cc\u001cd\u0000e\n", ["a\u000bb\u000cc\u001cd\u0000e"]],
    ["a BOM at the start of the stream", "\ufeffa\nb\n", ["a", "b"]],
    ["a BOM at the start of a later line", "a\n\ufeffb\n", ["a", "b"]],
    ["a BOM on a blank line", "\ufeff\r\na\n", ["a"]],
    ["a second BOM, which stays", "\ufeff\ufeffa\n", ["\ufeffa"]],
    ["half a line at the end", 'a\n{"jsonrpc"', ["a", "<truncated>"]],
    ["a whole message without its LF", '{"id":"x"}', ["<truncated>"]],
    ["blanks without an LF at the end", "a\n  ", ["a"]],
    ["no input", "", []],
  ])("takes %s", (_name, input, expected) => {
    expect(decode([input])).toEqual(expected);
  });

  it("reports a line over the cap once, skips it, and takes the next", () => {
    expect(decode(["12345678\nok\n"], 8)).toEqual(["12345678", "ok"]);
    expect(decode(["123456789\nok\n"], 8)).toEqual(["<oversize>", "ok"]);
    expect(decode(["1234", "5678", "9", "0", "\nok\n", "123456789"], 8)).toEqual(["<oversize>", "ok", "<oversize>"]);
  });

  it("reports an oversize line before it ends", () => {
    const decoder = new LineDecoder({ maxBytes: 4 });
    expect(decoder.push(Buffer.from("12345"))).toEqual([{ kind: "oversize" }]);
    expect(decoder.push(Buffer.from("6".repeat(100)))).toEqual([]);
  });

  it.each([
    [1, "message"],
    [31, "message"],
    [33, "message"],
    [101, "oversize"],
  ])("takes a line of %i MiB as %s and the next line as usual", (size, kind) => {
    const decoder = new LineDecoder({ maxBytes: MAX_MESSAGE_BYTES });
    const piece = Buffer.alloc(MIB, "x");
    const frames: Frame[] = [];
    for (let sent = 0; sent < size; sent++) {
      frames.push(...decoder.push(piece));
    }
    frames.push(...decoder.push(Buffer.from("\nnext\n")));
    expect(frames.map((frame) => frame.kind)).toEqual([kind, "message"]);
    const [first, second] = frames;
    if (first?.kind === "message") {
      expect(first.bytes.length).toBe(size * MIB);
    }
    expect(second?.kind === "message" && second.bytes.toString()).toBe("next");
  });

  it("keeps nothing of a line that is skipped", () => {
    const decoder = new LineDecoder({ maxBytes: MIB });
    const piece = Buffer.alloc(MIB, "x");
    decoder.push(piece);
    decoder.push(piece);
    const before = process.memoryUsage().arrayBuffers;
    for (let sent = 0; sent < 101; sent++) {
      decoder.push(piece);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * MIB);
  });

  it("takes a 64 KB line one byte at a time", () => {
    const line = `{"text":"${"aé漢😀".repeat(6500)}"}`;
    const bytes = Buffer.from(`${line}\n`);
    expect(decode(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual([line]);
  });

  it("gives the same lines however the bytes are cut", () => {
    const lines = ["a", "é漢😀", '{"a":"\\u2028"}', "\u2028x\u0085", "x".repeat(300), "\rlone\rcr", "終"];
    const text = `\ufeff${lines[0]}\r\n\n${lines.slice(1).join("\r\n")}\n\r\n${lines.join("\n")}\n`;
    const bytes = Buffer.from(text);
    const expected = [...lines, ...lines];
    const random = seededRandom(20_240_611);
    for (let round = 0; round < 12_000; round++) {
      const pieces: Uint8Array[] = [];
      const largest = 1 + Math.floor(random() * bytes.length);
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + Math.floor(random() * largest);
        pieces.push(bytes.subarray(at, at + size));
        at += size;
      }
      const found = decode(pieces);
      if (found.length !== expected.length || found.some((line, index) => line !== expected[index])) {
        expect(found, `round ${round}`).toEqual(expected);
      }
    }
  });
});
