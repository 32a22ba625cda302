import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SseEvent, SseReader } from "./sse.js";

function read(...pieces: (string | Uint8Array)[]): SseEvent[] {
  const reader = new SseReader();
  return [...pieces.flatMap((piece) => reader.push(Buffer.from(piece))), ...reader.end()];
}

const data = (...values: string[]): SseEvent[] => values.map((value) => ({ event: "", data: value }));

describe("SseReader", () => {
  it.each([
    ["line feeds", "data: a\n\ndata: b\n\n", data("a", "b")],
    ["carriage returns and line feeds", "data: a\r\n\r\ndata: b\r\n\r\n", data("a", "b")],
    ["carriage returns", "data: a\r\rdata: b\r\r", data("a", "b")],
    ["no space after the colon", "data:a\n\n", data("a")],
    ["one space removed, not two", "data:  a\n\n", data(" a")],
    ["comments and unknown fields", ": ping\nid: 7\nretry: 9\ndata: a\n\n", data("a")],
    ["several data lines", "data: a\ndata: b\n\n", data("a\nb")],
    ["an empty data line", "data\n\n", data("")],
    ["a byte order mark", "\ufeffdata: a\n\n", data("a")],
    ["a missing last blank line", "data: a\n", data("a")],
    ["a missing last line break", "data: a", data("a")],
    ["a name", "event: ping\ndata: {}\n\ndata: a\n\n", [{ event: "ping", data: "{}" }, ...data("a")]],
    ["forgotten blank lines", 'data: {"a":1}\ndata: {"b":2}\ndata: [DONE]\n\n', data('{"a":1}', '{"b":2}', "[DONE]")],
    ["one object over several lines", 'data: {"a":\ndata: 1}\n\n', data('{"a":\n1}')],
    ["a bare JSON line", '{"error":"x"}\n', data('{"error":"x"}')],
    ["an error line", "error: {}\n", [{ event: "error", data: "{}" }]],
    ["an error without data", "event: error\n\n", [{ event: "error", data: "" }]],
  ])("reads %s", (_, text, events) => {
    expect(read(text)).toEqual(events);
  });

  it("tells a stray line from a stream", () => {
    const reader = new SseReader();
    reader.push(Buffer.from(": ping\ndata: a\n\n"));
    expect(reader.sawStrayLine).toBe(false);
    reader.push(Buffer.from("hello world\n"));
    expect(reader.sawStrayLine).toBe(true);
  });

  it("gives the events of one read at once", () => {
    const reader = new SseReader();
    expect(reader.push(Buffer.from("data: a\n\ndata: b\n\ndata: c"))).toEqual(data("a", "b"));
    expect(reader.push(Buffer.from("c\n\n"))).toEqual(data("cc"));
  });

  it("gives the same events wherever the bytes are cut", () => {
    const line = fc.constantFrom("data: ü🙂", "data:x", ": c", "", "", "event: e", '{"a":1}', "data: {}");
    const text = fc
      .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom("\n", "\r\n", "\r"))
      .map(([lines, end]) => lines.map((l) => l + end).join(""));
    fc.assert(
      fc.property(text, fc.array(fc.nat(200), { maxLength: 8 }), (whole, cuts) => {
        const bytes = Buffer.from(whole);
        const edges = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const pieces = edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
        expect(read(...pieces)).toEqual(read(whole));
      }),
    );
  });

  it("reads a long line in linear time", () => {
    const piece = "x".repeat(1024);
    const reader = new SseReader();
    reader.push(Buffer.from("data: "));
    for (let i = 0; i < 20_000; i++) reader.push(Buffer.from(piece));
    expect(reader.push(Buffer.from("\n\n"))[0]?.data).toHaveLength(20_000 * 1024);
  });

  it.each([
    ["data: ", "x".repeat(20)],
    ["data: xxxxxxxxxx\n", "data: xxxxxxxxxx\n"],
  ])("bounds an event", (...pieces) => {
    const reader = new SseReader(16);
    expect(() => pieces.map((piece) => reader.push(Buffer.from(piece)))).toThrow(
      expect.objectContaining({ code: "bad_chunk" }),
    );
  });
});
