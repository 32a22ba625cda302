import { describe, expect, test } from "vitest";
import { redact, secretValues } from "./redact.js";
import { StderrTail } from "./stderr-tail.js";

const SECRET = "very-private-value-0123456789";

describe("redact", () => {
  test("knows secrets by the names of their variables, and no short ones", () => {
    const env = {
      API_KEY: "abcdef",
      MY_TOKEN: "abcdef-longer",
      DB_PASSWORD: "short",
      HOME: "/home/someone",
      X_SECRET: undefined,
    };
    expect(secretValues(env)).toEqual(["abcdef-longer", "abcdef"]);
  });

  test("hides values, bearer tokens and keys, and leaves the rest", () => {
    const text = `a ${SECRET} b Authorization: Bearer abc.def-123== c sk-live_0123456 d task-force-one e $& f`;
    const clean = redact(text, [SECRET]);
    expect(clean).toBe("a [hidden] b Authorization: Bearer [hidden] c [hidden] d task-force-one e $& f");
  });

  test("hides a value that was only begun", () => {
    expect(redact(`key=${SECRET.slice(0, 12)}`, [SECRET])).toBe("key=[hidden]");
    expect(redact(`key=${SECRET.slice(0, 3)}`, [SECRET])).toBe("key=ver");
  });
});

describe("the tail of stderr", () => {
  const tailOf = (chunks: readonly (string | Buffer)[], secrets: string[] = [SECRET]) => {
    const tail = new StderrTail(secrets);
    for (const chunk of chunks) tail.add(Buffer.from(chunk));
    return tail;
  };

  test("is what was written, and the last 4 KB of what is longer", () => {
    expect(tailOf(["a\n", "bé", "c"]).text()).toBe("a\nbéc");
    const long = Array.from({ length: 50_000 }, (_, n) => `line ${n}\n`).join("");
    const tail = tailOf([long]).text();
    expect(tail).toBe(long.slice(-4_096));
    expect(tailOf(long.match(/.{1,1000}/gs) ?? []).text()).toBe(tail);
  });

  test("never cuts a character in two", () => {
    const text = tailOf(["x", "é ".repeat(30_000)]).text();
    expect(text).not.toContain("\ufffd");
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_096);
    expect(Buffer.byteLength(text)).toBeGreaterThan(4_000);
  });

  test("has no part of a secret, wherever the edges of the ring and the chunks fall", () => {
    // So long that hiding it makes all that is kept shorter than what is shown: the ring's own edge would be seen.
    const long = `${SECRET}${"middle".repeat(40)}the-very-end`;
    for (let shift = 0; shift < long.length + 8; shift += 1) {
      const text = "-".repeat(shift) + `${long} pad\n`.repeat(300);
      for (const chunks of [[text], text.match(/.{1,4097}/gs) ?? []]) {
        const shown = tailOf(chunks, [long]).text();
        expect(shown).toContain("[hidden] pad");
        expect(shown).not.toMatch(/very|middle|end/);
      }
    }
  });

  test("hides a secret that comes in two pieces, and one longer than the ring", () => {
    expect(tailOf([`k=${SECRET.slice(0, 9)}`, `${SECRET.slice(9)}!`]).text()).toBe("k=[hidden]!");
    const huge = "0123456789abcdef".repeat(2_000);
    expect(tailOf([`${"x ".repeat(9_000)}${huge} end`], [huge]).text()).toMatch(/x \[hidden\] end$/);
  });

  test("remembers what V8 says when the heap is full, behind 4 KB of trace too", () => {
    const fatal = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n";
    expect(tailOf([fatal, "trace\n".repeat(1_000)]).saysNoMemory()).toBe(true);
    expect(tailOf(["FATAL ERROR: v8::ToLocalChecked Empty MaybeLocal\n"]).saysNoMemory()).toBe(false);
  });
});
