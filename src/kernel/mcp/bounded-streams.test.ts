import { describe, expect, it } from "vitest";
import { boundedFetch } from "./bounded-fetch.js";
import { FloodGuard } from "./flood-guard.js";
import { LineSplitter } from "./line-splitter.js";

const MIB = 1024 * 1024;

describe("LineSplitter", () => {
  it("cuts lines wherever the chunks end", () => {
    const lines: string[] = [];
    const splitter = new LineSplitter(100, (line) => lines.push(line));
    const bytes = Buffer.from("één\r\n\nzwei\ndr");
    for (const byte of bytes) splitter.push(Buffer.from([byte]));
    expect(lines).toEqual(["één", "", "zwei"]);
    expect(splitter.push(Buffer.from("ei\nx"))).toBe(true);
    expect(lines).toEqual(["één", "", "zwei", "drei"]);
  });

  it("says when an unfinished line is too long", () => {
    const splitter = new LineSplitter(10, () => {});
    expect(splitter.push(Buffer.from("0123456789"))).toBe(true);
    expect(splitter.push(Buffer.from("0"))).toBe(false);
  });
});

describe("FloodGuard", () => {
  it("counts within its window only", () => {
    let now = 0;
    const guard = new FloodGuard(() => now);
    expect(guard.isFlood(60 * MIB)).toBe(false);
    expect(guard.isFlood(5 * MIB)).toBe(true);
    now = 10_001;
    expect(guard.isFlood(60 * MIB)).toBe(false);
  });
});

describe("boundedFetch", () => {
  /** Fake: answers with these chunks. */
  function answering(type: string, chunks: Iterable<string>) {
    const iterator = chunks[Symbol.iterator]();
    const body = new ReadableStream({
      pull(controller) {
        const { value, done } = iterator.next();
        if (done) controller.close();
        else controller.enqueue(Buffer.from(value));
      },
    });
    return boundedFetch(async () => new Response(body, { status: 201, headers: { "content-type": type } }));
  }
  function* times(count: number, chunk: string): Iterable<string> {
    for (let n = 0; n < count; n++) yield chunk;
  }

  it("leaves an answer as it is", async () => {
    const response = await answering("application/json", ["{", "}"])("http://h");
    expect([response.status, response.headers.get("content-type"), await response.json()]).toEqual([
      201,
      "application/json",
      {},
    ]);
  });

  it("ends an answer above 16 MiB", async () => {
    const response = await answering("application/json", times(17, "x".repeat(MIB)))("http://h");
    await expect(response.text()).rejects.toThrow("the server sent a message above 16 MiB");
  });

  it("lets a stream of small events run on, and ends one endless event", async () => {
    const small = await answering("text/event-stream", times(40, `data: ${"x".repeat(MIB)}\n\n`))("http://h");
    expect((await small.text()).length).toBeGreaterThan(40 * MIB);
    const endless = await answering("text/event-stream", times(40, `data: ${"x".repeat(MIB)}\n`))("http://h");
    await expect(endless.text()).rejects.toThrow("above 16 MiB");
  });

  it("ends a flood of events", async () => {
    const flood = await answering("text/event-stream", times(80, `data: ${"x".repeat(MIB)}\r\n\r\n`))("http://h");
    await expect(flood.text()).rejects.toThrow("floods");
  });
});
