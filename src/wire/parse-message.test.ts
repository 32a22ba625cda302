import { describe, expect, it } from "vitest";
import { MAX_DEPTH, parseMessage } from "./parse-message.js";

const parse = (text: string) => parseMessage(Buffer.from(text));
const notJson = { kind: "reply", error: { code: -32700, message: "Invalid JSON format", data: null }, answers: null };
const refused = (data: unknown = null, answers: unknown = null) => ({
  kind: "reply",
  error: { code: -32600, message: "Invalid request", data },
  answers,
});

describe("requests", () => {
  it.each<[string, string, unknown]>([
    ["a full one", '{"jsonrpc":"2.0","id":"a","method":"m","params":{"x":1}}', { id: "a", params: { x: 1 } }],
    ["no version", '{"id":"a","method":"m"}', { id: "a", params: undefined }],
    ["null params", '{"id":"a","method":"m","params":null}', { id: "a", params: null }],
    ["an empty id", '{"id":"","method":"m"}', { id: "", params: undefined }],
    ["an integer id", '{"id":1,"method":"m"}', { id: 1, params: undefined }],
    ["a negative id", '{"id":-7,"method":"m"}', { id: -7, params: undefined }],
    ["the largest id", '{"id":9007199254740991,"method":"m"}', { id: 9007199254740991, params: undefined }],
    ["a result beside the method", '{"id":"a","method":"m","result":{}}', { id: "a", params: undefined }],
    ["extra keys", '{"id":"a","method":"m","x":[1]}', { id: "a", params: undefined }],
    ["a key twice: the last counts", '{"id":"z","id":"a","method":"q","method":"m"}', { id: "a", params: undefined }],
    ["white space around", ' \t{"id":"a",\r"method":"m"} \r', { id: "a", params: undefined }],
  ])("accepts %s", (_name, text, expected) => {
    expect(parse(text)).toEqual({ kind: "request", method: "m", ...(expected as object) });
  });
});

describe("what is not JSON", () => {
  it.each([
    ["text", "hello"],
    ["half an object", '{"id":"a"'],
    ["a raw NUL in a string", '{"id":"a\u0000","method":"m"}'],
    ["a raw NUL outside", '\u0000{"id":"a","method":"m"}'],
    ["a raw CR in a string", '{"id":"a\rb","method":"m"}'],
    ["a BOM that is not at the start of the line", '\ufeff{"id":"a"}'],
    ["two values", "{} {}"],
    ["a single quote", "{'id':1}"],
  ])("answers -32700 to %s", (_name, text) => {
    expect(parse(text)).toEqual(notJson);
  });

  it("answers -32700 to every bad beginning of one to three bytes, never U+FFFD", () => {
    const head = Buffer.from('{"id":"');
    const tail = Buffer.from('","method":"m"}');
    const strict = (bytes: number[]): boolean => Buffer.from(Buffer.from(bytes).toString()).equals(Buffer.from(bytes));
    const sequences: number[][] = [];
    for (let first = 0x80; first <= 0xff; first++) {
      sequences.push([first]);
      for (let second = 0x00; second <= 0xff; second += second < 0x7f ? 0x7f : 1) {
        sequences.push([first, second]);
        for (const third of [0x20, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]) {
          sequences.push([first, second, third]);
        }
      }
    }
    let bad = 0;
    for (const sequence of sequences) {
      const inbound = parseMessage(Buffer.concat([head, Buffer.from(sequence), tail]));
      const valid = strict(sequence) && sequence.every((byte) => byte >= 0x20);
      bad += valid ? 0 : 1;
      if ((inbound.kind === "request") !== valid) {
        expect.fail(`${Buffer.from(sequence).toString("hex")} was read as ${inbound.kind}`);
      }
      if (!valid && (inbound.kind !== "reply" || inbound.error.code !== -32700)) {
        expect(inbound).toEqual(notJson);
      }
    }
    expect(bad).toBeGreaterThan(100_000);
  });
});

describe("what is no request", () => {
  it.each([
    ["an empty batch", "[]"],
    ["a batch", '[{"id":"a","method":"m"},{"id":"b","method":"m"}]'],
    ["a mixed batch", '[1,{"id":"a","method":"m"}]'],
    ["a string", '"x"'],
    ["a number", "5"],
    ["null", "null"],
    ["true", "true"],
    ["another version", '{"jsonrpc":"2.1","id":"bad"}'],
    ["another version without an id", '{"jsonrpc":"1.0","method":"m"}'],
    ["a null version", '{"jsonrpc":null,"id":"a","method":"m"}'],
    ["a number as version", '{"jsonrpc":2.0,"id":"a","method":"m"}'],
    ["a null id", '{"id":null,"method":"m"}'],
    ["a boolean id", '{"id":true,"method":"m"}'],
    ["an object as id", '{"id":{},"method":"m"}'],
    ["an array as id", '{"id":["a"],"method":"m"}'],
    ["a fraction as id", '{"id":1.5,"method":"m"}'],
    ["an id at 2^53", '{"id":9007199254740992,"method":"m"}'],
    ["an id beyond 2^53", '{"id":-9007199254740993,"method":"m"}'],
    ["an infinite id", '{"id":1e999,"method":"m"}'],
    ["a method that is no string", '{"id":"a","method":5}'],
    ["a null method", '{"id":"a","method":null}'],
    ["an answer with a null id", '{"id":null,"result":1}'],
    ["a malformed error with a null id", '{"id":null,"error":{"code":1}}'],
  ])("answers -32600 with id null to %s", (_name, text) => {
    expect(parse(text)).toEqual(refused());
  });

  it.each([
    [127, "request"],
    [MAX_DEPTH, "request"],
    [129, "too_deep"],
    [5_000, "too_deep"],
    [1_000_000, "too_deep"],
  ])("depth %i is %s", (depth, expected) => {
    const inner = depth - 1;
    const inbound = parse(`{"id":"a","method":"m","params":${"[".repeat(inner)}${"]".repeat(inner)}}`);
    if (expected === "request") {
      expect(inbound.kind).toBe("request");
    } else {
      expect(inbound).toEqual(refused({ code: "too_deep" }));
    }
  });
});

describe("answers", () => {
  it.each<[string, string, unknown]>([
    ["a result", '{"id":"a","result":{"x":1}}', { id: "a", result: { x: 1 }, error: null }],
    ["a null result", '{"id":"a","result":null}', { id: "a", result: null, error: null }],
    ["a null error beside a result", '{"id":"a","result":1,"error":null}', { id: "a", result: 1, error: null }],
    ["an integer id", '{"id":1,"result":1}', { id: 1, result: 1, error: null }],
    [
      "an error without data",
      '{"id":"a","error":{"code":-1,"message":"no"}}',
      { id: "a", error: { code: -1, message: "no", data: null } },
    ],
    [
      "an error beside a result: the error counts",
      '{"id":"a","result":1,"error":{"code":-1,"message":"no","data":[]}}',
      { id: "a", error: { code: -1, message: "no", data: [] } },
    ],
  ])("accepts %s", (_name, text, expected) => {
    expect(parse(text)).toEqual({ kind: "response", result: undefined, ...(expected as object) });
  });

  it.each([
    ["an error without a message", '{"id":"a","error":{"code":1}}'],
    ["an error without a code", '{"id":"a","error":{"message":"x"}}'],
    ["an infinite code", '{"id":"a","error":{"code":1e999,"message":"x"}}'],
    ["a string as error", '{"id":"a","error":"x"}'],
    ["a null error alone", '{"id":"a","error":null}'],
    ["neither result nor error", '{"id":"a"}'],
    ["a malformed error beside a result", '{"id":"a","result":1,"error":{}}'],
  ])("refuses %s and names the call", (_name, text) => {
    expect(parse(text)).toEqual(refused(null, "a"));
  });
});

describe("what gets no answer", () => {
  it.each<[string, string, string]>([
    ["an empty object", "{}", "empty"],
    ["a result without an id", '{"result":1}', "empty"],
    ["a malformed notification", '{"method":5}', "malformed_notification"],
    ["the peer's own error with id null", '{"id":null,"error":{"code":-32700,"message":"x"}}', "response_without_id"],
  ])("ignores %s", (_name, text, reason) => {
    expect(parse(text)).toMatchObject({ kind: "ignore", reason });
  });

  it.each(["event", "nope", "prompt", "$/cancelRequest"])("takes %s without an id as a notification", (method) => {
    expect(parse(JSON.stringify({ method, params: 5 }))).toEqual({ kind: "notification", method, params: 5 });
  });
});

describe("odd values", () => {
  it("lets __proto__ change no prototype", () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const inbound = parse(
      '{"__proto__":{"method":"evil","polluted":1},"id":"a","method":"m","params":{"__proto__":{"polluted":1}}}',
    );
    expect(inbound).toMatchObject({ kind: "request", method: "m" });
    expect(Object.getPrototypeOf(inbound)).toBe(Object.prototype);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    const { params } = inbound as { params: object };
    expect(Object.getPrototypeOf(params)).toBe(Object.prototype);
  });

  it("does not take an inherited-looking message for a request", () => {
    expect(parse('{"__proto__":{"id":"a","method":"m"}}')).toMatchObject({ kind: "ignore", reason: "empty" });
  });

  it("keeps lone surrogates and numbers out of range as JSON gives them", () => {
    expect(parse('{"id":"\\ud800","method":"m","params":[1e999,-0]}')).toEqual({
      kind: "request",
      id: "\ud800",
      method: "m",
      params: [Number.POSITIVE_INFINITY, -0],
    });
  });
});
