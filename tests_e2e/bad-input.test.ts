/** Lines that are wrong, odd or hostile: each gets exactly its answer, and the kernel goes on. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTick } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { until } from "./process-scan.js";
import { onlySession, sessionFolders } from "./session-files.js";
import { runTurn, text, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const PARSE_ERROR = { id: null, error: { code: -32700, message: "Invalid JSON format" } };
const INVALID_REQUEST = { id: null, error: { code: -32600, message: "Invalid request" } };
const TOO_DEEP = { ...INVALID_REQUEST, error: { ...INVALID_REQUEST.error, data: { code: expect.any(String) } } };
const answered = (id: string | number) => ({
  id,
  error: { code: -32000, message: "No agent turn is in progress" },
});

/** Sends bytes to an idle kernel and gives all answers to them. Ends with a proof that the kernel still works. */
async function answersTo(kernel: KernelProcess, bytes: string | Uint8Array, expected: number): Promise<Message[]> {
  const start = kernel.log.length;
  kernel.raw(bytes);
  await until(`${expected} answers`, () => kernel.log.length >= start + expected);
  const got = kernel.log.length;
  const probe = await kernel.call("cancel");
  expect(probe).toMatchObject(answered(probe.id as string));
  expect(kernel.log.slice(got)).toEqual([probe]);
  return kernel.log.slice(start, got);
}

type Row = readonly [what: string, bytes: string | Uint8Array, answers: readonly object[]];

/** Runs a table of rows against one kernel, so that each row also proves that the one before did no harm. */
async function runTable(rows: readonly Row[]): Promise<void> {
  const workspace = createWorkspace();
  const kernel = startKernel(workspace);
  for (const [what, bytes, expected] of rows) {
    const answers = await answersTo(kernel, bytes, expected.length);
    expect(answers, what).toMatchObject([...expected]);
  }
  expect(kernel.noise).toEqual([]);
  expect(await kernel.close()).toEqual({ code: 0, signal: null });
  expect(sessionFolders(workspace)).toEqual([]);
}

const line = (message: unknown): string => `${JSON.stringify(message)}\n`;
const cancel = (id: string, padding = ""): string => `{"jsonrpc":"2.0","id":"${id}","method":"cancel"${padding}}`;
/** A cancel whose params make it `depth` levels deep, the message itself being the first. */
const deep = (id: string, depth: number): string =>
  `${cancel(id, `,"params":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}`)}\n`;
const badBytes = (...bytes: number[]): Buffer =>
  Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":"bad'), Buffer.from(bytes), Buffer.from('","method":"cancel"}\n')]);

describe("lines", () => {
  it("B-001 F9 half a line at the end of input is not executed and not answered", async () => {
    for (const half of ['{"jsonrpc":"2.0","id":"h","method":"prompt","par', cancel("whole but without its LF")]) {
      const workspace = createWorkspace();
      const kernel = startKernel(workspace);
      await kernel.call("cancel");
      const before = kernel.log.length;
      kernel.raw(half);
      expect(await kernel.close()).toEqual({ code: 0, signal: null });
      expect(kernel.log.slice(before)).toEqual([]);
      expect(sessionFolders(workspace)).toEqual([]);
    }
  });

  it("B-002 F11 a message may come byte by byte, split inside a character", async () => {
    const workspace = createWorkspace({ scripts: ["text: got it"] });
    const kernel = startKernel(workspace);
    const input = "é 世界 🙂";
    const bytes = Buffer.from(line({ jsonrpc: "2.0", id: "slow", method: "prompt", params: { user_input: input } }));
    for (const byte of bytes) {
      kernel.raw(Uint8Array.of(byte));
      await nextTick();
    }
    expect(await kernel.response("slow")).toMatchObject({ result: { status: "finished" } });
    expect(await kernel.event("TurnBegin")).toEqual({ user_input: input });
  });

  it("B-003 F11 several messages in one write are all answered", async () => {
    await runTable([
      ["three in one write", `${cancel("a")}\n${cancel("b")}\n${cancel("c")}\n`, ["a", "b", "c"].map(answered)],
    ]);
  });

  it("B-004 F12 invalid UTF-8 is refused and never replaced silently", async () => {
    const sequences = [
      [0x80],
      [0xbf],
      [0xc0, 0xaf],
      [0xc1, 0xbf],
      [0xc3],
      [0xe2, 0x28, 0xa1],
      [0xe2, 0x82],
      [0xed, 0xa0, 0x80],
      [0xe0, 0x80, 0xaf],
      [0xf0, 0x9f, 0x99],
      [0xf5, 0x80, 0x80],
      [0xfe],
      [0xff],
    ];
    await runTable(
      sequences.map((bytes) => [bytes.map((b) => b.toString(16)).join(" "), badBytes(...bytes), [PARSE_ERROR]]),
    );
  });

  it("B-005 F13 NUL, CR, CRLF, BOM, U+2028 and blank lines", async () => {
    await runTable([
      ["NUL inside a string", `${cancel("n\0")}\n`, [PARSE_ERROR]],
      ["NUL between tokens", `\0${cancel("n")}\n`, [PARSE_ERROR]],
      ["CRLF", `${cancel("crlf")}\r\n`, [answered("crlf")]],
      ["lone CR between tokens never splits", `${cancel("cr", ',\r"params"\r:{}')}\n`, [answered("cr")]],
      ["lone CR inside a string never splits", `${cancel("c\rr")}\n`, [PARSE_ERROR]],
      ["BOM", `\uFEFF${cancel("bom")}\n`, [answered("bom")]],
      ["raw line separators never split", `${cancel("x\u2028y\u2029z\u0085")}\n`, [answered("x\u2028y\u2029z\u0085")]],
      ["blank lines", "\n\r\n   \n\t\r\n\n", []],
      ["white space around", `  \t${cancel("space")}  \r\n`, [answered("space")]],
      ["form feed is no white space", `\f${cancel("ff")}\n`, [PARSE_ERROR]],
    ]);
  });

  it("B-006 F14 nesting is accepted to 128 levels and refused above", async () => {
    await runTable([
      ["127", deep("d127", 127), [answered("d127")]],
      ["128", deep("d128", 128), [answered("d128")]],
      ["129", deep("d129", 129), [TOO_DEEP]],
      ["5,000", deep("d5000", 5_000), [TOO_DEEP]],
      ["1,000,000", deep("d1e6", 1_000_000), [TOO_DEEP]],
      ["1,000,000 never closed", `${"[".repeat(1_000_000)}\n`, [{ id: null, error: { code: expect.any(Number) } }]],
      ["brackets in a string do not count", `${cancel("s", `,"params":["${"[".repeat(500)}"]`)}\n`, [answered("s")]],
    ]);
  });

  it("B-007 not JSON, and JSON that is no request", async () => {
    await runTable([
      ["words", "hello\n", [PARSE_ERROR]],
      ["half an object", '{"jsonrpc":"2.0","id":"x"\n', [PARSE_ERROR]],
      ["two objects on a line", `${cancel("a")}${cancel("b")}\n`, [PARSE_ERROR]],
      ["comment", `// ${cancel("a")}\n`, [PARSE_ERROR]],
      ["NaN", `${cancel("a", ',"params":NaN')}\n`, [PARSE_ERROR]],
      ["number", "7\n", [INVALID_REQUEST]],
      ["string", '"cancel"\n', [INVALID_REQUEST]],
      ["true and null", "true\nnull\n", [INVALID_REQUEST, INVALID_REQUEST]],
      ["another version", line({ jsonrpc: "2.1", id: "bad", method: "cancel" }), [INVALID_REQUEST]],
      ["version as a number", line({ jsonrpc: 2, id: "bad", method: "cancel" }), [INVALID_REQUEST]],
      ["no version is fine", line({ id: "no version", method: "cancel" }), [answered("no version")]],
      ["empty object", "{}\n", []],
      ["extra keys", line({ jsonrpc: "2.0", id: "extra", method: "cancel", zzz: 1 }), [answered("extra")]],
      ["method and result are a request", line({ id: "both", method: "cancel", result: {} }), [answered("both")]],
      ["method is no string", line({ id: "m", method: 5 }), [INVALID_REQUEST]],
    ]);
  });
});

describe("values", () => {
  it("B-008 F15 odd numbers, duplicate keys, __proto__ and lone surrogates do no harm", async () => {
    await runTable([
      ["1e999 as an id", '{"jsonrpc":"2.0","id":1e999,"method":"cancel"}\n', [INVALID_REQUEST]],
      ["1e999 in params", `${cancel("inf", ',"params":{"x":1e999,"y":-0,"z":1e-999}')}\n`, [answered("inf")]],
      [
        "1e999 as input",
        '{"jsonrpc":"2.0","id":"p","method":"prompt","params":{"user_input":1e999}}\n',
        [{ id: "p", error: { code: -32602, message: "Invalid parameters for method `prompt`" } }],
      ],
      [
        "largest integer id",
        '{"jsonrpc":"2.0","id":9007199254740991,"method":"cancel"}\n',
        [answered(9007199254740991)],
      ],
      ["id beyond 2^53", '{"jsonrpc":"2.0","id":9007199254740993,"method":"cancel"}\n', [INVALID_REQUEST]],
      ["huge number", `${cancel("big", `,"params":${"9".repeat(100_000)}`)}\n`, [answered("big")]],
      [
        "duplicate keys: the last counts",
        '{"id":"first","jsonrpc":"2.0","method":"x","id":"last","method":"cancel"}\n',
        [answered("last")],
      ],
      [
        "__proto__ on top",
        '{"jsonrpc":"2.0","id":"pr","__proto__":{"method":"prompt"},"method":"cancel"}\n',
        [answered("pr")],
      ],
      ["method only in __proto__", '{"jsonrpc":"2.0","id":"pm","__proto__":{"method":"cancel"}}\n', [INVALID_REQUEST]],
      [
        "__proto__ in params",
        `${cancel("pp", ',"params":{"__proto__":{"polluted":1},"constructor":{"prototype":{"a":1}}}')}\n`,
        [answered("pp")],
      ],
      [
        "method names of Object",
        ["__proto__", "constructor", "toString"].map((method) => line({ id: method, method })).join(""),
        ["__proto__", "constructor", "toString"].map((method) => ({
          id: method,
          error: { code: -32601, message: `Unexpected method received: ${method}` },
        })),
      ],
      ["lone surrogate in the id", `${cancel("\\ud800")}\n`, [{ error: { code: -32000 } }]],
      ["surrogate pair as escapes", `${cancel("\\ud83d\\ude42")}\n`, [answered("🙂")]],
    ]);
  });

  it("B-009 F15 a lone surrogate in a prompt is stored and echoed as well-formed text", async () => {
    const workspace = createWorkspace({ scripts: ["text: fine"] });
    const kernel = startKernel(workspace);
    kernel.raw('{"jsonrpc":"2.0","id":"s","method":"prompt","params":{"user_input":"a\\ud800b"}}\n');
    expect(await kernel.response("s")).toMatchObject({ result: { status: "finished" } });
    expect((await kernel.event("TurnBegin")).user_input).toMatch(/^a.b$/u);
    await kernel.close();
    for (const file of ["wire.jsonl", "context.jsonl"]) {
      const bytes = readFileSync(join(onlySession(workspace), file));
      expect(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)).not.toThrow();
    }
  });

  it("B-010 F15 __proto__ as the name of tools and arguments changes nothing", async () => {
    const kernel = startKernel(createWorkspace({ scripts: ['tool_call: {"id":"t","name":"__proto__"}', "text: end"] }));
    kernel.raw(
      '{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocol_version":"1.10","__proto__":{"a":1},"external_tools":[{"name":"constructor","description":"d","parameters":{"type":"object","properties":{"__proto__":{"type":"string"}}}}]}}\n',
    );
    expect(await kernel.response("i")).toMatchObject({ result: { protocol_version: "1.10" } });
    const turn = await runTurn(kernel, "go");
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(types(turn.messages)).toContain("ToolResult");
    expect(text(turn.messages)).toBe("end");
  });
});

describe("batches and headers", () => {
  it("B-011 F19 a batch is refused once, never silently", async () => {
    const one = JSON.parse(cancel("one")) as unknown;
    await runTable([
      ["empty", "[]\n", [INVALID_REQUEST]],
      ["of a number", "[1]\n", [INVALID_REQUEST]],
      ["of requests", line([one, one]), [INVALID_REQUEST]],
      ["mixed", line([one, 1, null, { method: "cancel" }]), [INVALID_REQUEST]],
    ]);
  });

  it("B-012 content-length framing serves a turn when asked for", async () => {
    const workspace = createWorkspace({ scripts: ["text: framed é"] });
    const kernel = startKernel(workspace, { args: ["--framing", "content-length"] });
    const frame = (message: unknown): string => {
      const body = JSON.stringify(message);
      return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    };
    let output = "";
    kernel.child.stdout.on("data", (chunk: string) => {
      output += chunk;
    });
    const prompt = { jsonrpc: "2.0", id: "p", method: "prompt", params: { user_input: "ü" } };
    kernel.raw(frame({ jsonrpc: "2.0", id: "i", method: "initialize", params: { protocol_version: "1.10" } }));
    kernel.raw(frame(prompt));
    await until("the response", () => readFrames(output).some((m) => m.id === "p"), 10_000);
    const messages = readFrames(output);
    expect(types(messages)).toEqual(["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
    expect(text(messages)).toBe("framed é");
    expect(messages.at(-1)).toMatchObject({ id: "p", result: { status: "finished" } });
    expect((await kernel.close()).code).toBe(0);
  });
});

function readFrames(output: string): Message[] {
  const messages: Message[] = [];
  let rest = Buffer.from(output);
  for (;;) {
    const head = /^Content-Length: (\d+)\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(rest.toString("latin1"));
    if (head === null) return messages;
    const end = head[0].length + Number(head[1]);
    if (rest.length < end) return messages;
    messages.push(JSON.parse(rest.subarray(head[0].length, end).toString()) as Message);
    rest = rest.subarray(end);
  }
}
