import { describe, expect, it } from "vitest";
import { createOutputBuffer } from "./output-buffer.js";

function filled(text: string | Buffer, limits?: { maxChars?: number; maxLineChars?: number }, chunkSize = Infinity) {
  const bytes = Buffer.from(text);
  const buffer = createOutputBuffer(limits);
  for (let at = 0; at < bytes.length; at += chunkSize) buffer.push(bytes.subarray(at, at + chunkSize));
  return buffer;
}

const small = { maxChars: 200, maxLineChars: 30 };

describe("output that fits", () => {
  it.each(["", "a", "a\n", "a\nb", "\n\n\n", "ä€😀\n", "line\r\n"])("is kept as it is: %j", (text) => {
    for (const chunkSize of [1, 2, 3, 1000]) {
      const buffer = filled(text, small, chunkSize);
      expect(buffer.text()).toBe(text);
      expect(buffer.truncated).toBe(false);
    }
  });

  it("is kept to the last character when head and tail are both in use", () => {
    const text = Array.from({ length: 20 }, (_, i) => `line ${i.toString().padStart(4, "0")}\n`).join("");
    expect(text.length).toBe(200);
    expect(filled(text, small, 7).text()).toBe(text);
    expect(filled(text, small).truncated).toBe(false);
    expect(filled(`${text}x`, small).truncated).toBe(true);
  });

  it("takes text as well as bytes", () => {
    const buffer = createOutputBuffer();
    buffer.push("ä");
    buffer.push(Buffer.from("b\n"));
    expect(buffer.text()).toBe("äb\n");
  });

  it("keeps no reference to a chunk that its owner uses again", () => {
    const buffer = createOutputBuffer(small);
    const chunk = Buffer.from(`${"x\n".repeat(80)}`);
    buffer.push(chunk);
    chunk.fill(0);
    expect(buffer.text()).toBe("x\n".repeat(80));
  });
});

describe("invalid UTF-8", () => {
  it("becomes the replacement character and harms nothing around it", () => {
    const bytes = Buffer.concat([Buffer.from("a"), Buffer.from([0xff, 0xc3]), Buffer.from("\nb€\n")]);
    for (const chunkSize of [1, 2, 100]) expect(filled(bytes, small, chunkSize).text()).toBe("a\uFFFD\uFFFD\nb€\n");
  });
});

describe("long lines", () => {
  it("are cut with a mark, their newline and their neighbours stay", () => {
    const buffer = filled(`a\n${"x".repeat(1_000_000)}\nb\n`, undefined, 4096);
    expect(buffer.text()).toBe(`a\n${"x".repeat(2_000 - 14)}[...truncated]\nb\n`);
    expect(buffer.truncated).toBe(true);
  });

  it("of exactly the limit are not cut", () => {
    expect(filled(`${"x".repeat(30)}\n`, small).truncated).toBe(false);
    expect(filled(`${"x".repeat(31)}\n`, small).text()).toBe(`${"x".repeat(16)}[...truncated]\n`);
    expect(filled("€".repeat(30), small).text()).toBe("€".repeat(30));
    expect(filled("€".repeat(31), small).text()).toBe(`${"€".repeat(16)}[...truncated]`);
  });

  it("never end in half a character", () => {
    expect(filled(`x${"😀".repeat(40)}\n`, small, 3).text()).toBe(`x${"😀".repeat(7)}[...truncated]\n`);
  });
});

describe("much output", () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`);
  const text = lines.join("");

  it.each([1, 13, 4096, Infinity])("keeps both ends and says how much is missing, in chunks of %d", (chunkSize) => {
    const buffer = filled(text, undefined, chunkSize);
    const kept = buffer.text();
    expect(kept.length).toBeLessThanOrEqual(50_000);
    expect(kept.length).toBeGreaterThan(49_500);
    const [, before, missing, after] = /^(.*\n)\[\.\.\. (\d+) bytes left out \.\.\.\]\n(.*)$/s.exec(kept) ?? [];
    expect(text.startsWith(before ?? "-")).toBe(true);
    expect(text.endsWith(after ?? "-")).toBe(true);
    expect((before ?? "").length + Number(missing) + (after ?? "").length).toBe(text.length);
    expect(buffer.lastLines(2)).toBe("line 19998\nline 19999");
    expect(buffer.message("Done.")).toBe("Done. Output is truncated to fit in the message.");
  });

  it("keeps the end of an endless last line", () => {
    const buffer = filled(`${"start of it all\n".repeat(20)}${"y".repeat(5_000)}END`, small, 64);
    expect(buffer.text()).toMatch(/^start of it all\n/);
    expect(buffer.text()).toMatch(/left out \.\.\.\]\n\[\.\.\.truncated\]y+END$/);
    expect(buffer.text().length).toBeLessThanOrEqual(200);
  });

  it("stays within the limit for any mixture", () => {
    for (let seed = 1; seed < 400; seed += 1) {
      const mixture = Array.from({ length: seed % 37 }, (_, i) => "äx😀".repeat((seed * (i + 3)) % 23)).join("\n");
      const buffer = filled(mixture, small, 1 + (seed % 11));
      expect(buffer.text().length).toBeLessThanOrEqual(200);
      if (!buffer.truncated) expect(buffer.text()).toBe(mixture);
      else expect(buffer.text()).toMatch(/truncated|left out/);
    }
  });

  it("holds 1 GB in little memory and time", () => {
    const chunk = Buffer.from("0123456789abcde\n".repeat(4096));
    const buffer = createOutputBuffer();
    const before = process.memoryUsage();
    for (let i = 0; i < 16 * 1024; i += 1) buffer.push(chunk);
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(8 * 1024 * 1024);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(32 * 1024 * 1024);
    expect(buffer.text()).toMatch(/\[\.\.\. 10736\d{5} bytes left out \.\.\.\]/);
  });
});

describe("lastLines and message", () => {
  it("give the end without the final newline, and the plain message", () => {
    const buffer = filled("a\nb\nc\n");
    expect(buffer.lastLines(2)).toBe("b\nc");
    expect(buffer.lastLines(9)).toBe("a\nb\nc");
    expect(buffer.message("Done.")).toBe("Done.");
    expect(filled("").lastLines(5)).toBe("");
  });
});
