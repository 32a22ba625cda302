import { describe, expect, it } from "vitest";
import { errorObject, fromWireError, toWireError, WireError, wireError } from "./errors.js";
import { ERRORS } from "./generated/tables.gen.js";

class OddError extends Error {}

describe("wireError", () => {
  it("fills the places of the sentence, taking `$` as it comes", () => {
    const error = wireError("method_not_found", { fill: { method: "$&x" } });
    expect(errorObject(error)).toEqual({ code: -32601, message: "Unexpected method received: $&x", data: null });
  });

  it("quotes the method of bad params", () => {
    const { message } = wireError("invalid_params", { fill: { method: "prompt" } });
    expect(message).toBe("Invalid parameters for method `prompt`");
  });

  it("carries data", () => {
    expect(errorObject(wireError("no_turn", { data: { a: 1 } })).data).toEqual({ a: 1 });
  });
});

describe("toWireError", () => {
  it("passes a WireError on", () => {
    const error = new WireError("provider_error", "boom", { number: -32003 });
    expect(toWireError(error)).toBe(error);
  });

  it.each<[string, unknown, string]>([
    ["a built-in error", new TypeError("no"), "TypeError: no"],
    ["a subclass without a name of its own", new OddError("x"), "OddError: x"],
    ["a plain error", new Error("x"), "Error: x"],
    ["a string", "x", "Error: x"],
    ["an object without a text", Object.create(null), "Error: unknown"],
    ["undefined", undefined, "Error: undefined"],
  ])("makes an internal error of %s, without a stack", (_name, thrown, message) => {
    expect(errorObject(toWireError(thrown))).toEqual({ code: -32603, message, data: null });
  });
});

describe("fromWireError", () => {
  it.each<[{ code: number; message: string; data?: unknown }, string]>([
    [{ code: -32000, message: ERRORS.no_turn.message }, "no_turn"],
    [{ code: -32000, message: ERRORS.turn_in_progress.message }, "turn_in_progress"],
    [{ code: -32000, message: "busy" }, "invalid_state"],
    [{ code: -32000, message: "busy", data: { code: "overloaded" } }, "overloaded"],
    [{ code: -32003, message: "rate limited" }, "provider_error"],
    [{ code: -32603, message: "ValueError: x" }, "internal_error"],
    [{ code: -32603, message: "Replay failed" }, "replay_failed"],
    [{ code: -1, message: "?" }, "unknown"],
    [{ code: -1, message: "?", data: { code: 5 } }, "unknown"],
  ])("%j has the code %s", (object, code) => {
    const error = fromWireError(object);
    expect(error.code).toBe(code);
    expect(error.number).toBe(object.code);
    expect(error.message).toBe(object.message);
    expect(error.data).toEqual(object.data ?? null);
  });
});
