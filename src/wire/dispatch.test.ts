import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { type Call, dispatch, type Handlers } from "./dispatch.js";
import { errorObject, toWireError, wireError } from "./errors.js";

const methods = {
  add: z.object({ a: z.number(), b: z._default(z.number(), 10) }),
  cancel: z.unknown(),
};

const call = (method: string, rawParams?: unknown): Call => ({
  method,
  rawParams,
  signal: new AbortController().signal,
});

const handlers: Handlers<typeof methods> = {
  add: ({ a, b }) => a + b,
  cancel: () => undefined,
};

const failure = async (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail("it resolved"),
    (error: unknown) => errorObject(toWireError(error)),
  );

describe("dispatch", () => {
  it("gives the handler checked params with defaults, and the raw ones beside them", async () => {
    const seen: unknown[] = [];
    const result = await dispatch(
      methods,
      { ...handlers, add: ({ a, b }, { rawParams }) => seen.push(rawParams) && a + b },
      call("add", { a: 1, unknown: true }),
    );
    expect(result).toBe(11);
    expect(seen).toEqual([{ a: 1, unknown: true }]);
  });

  it.each([[undefined], [null], [5], [[]], [{ a: 1 }]])("lets the schema decide about params %j", async (params) => {
    await expect(dispatch(methods, handlers, call("cancel", params))).resolves.toBeUndefined();
  });

  it.each(["nope", "event", "request", "", "__proto__", "constructor", "toString", "hasOwnProperty"])(
    "answers method_not_found to %j",
    async (method) => {
      expect(await failure(dispatch(methods, handlers, call(method)))).toEqual({
        code: -32601,
        message: `Unexpected method received: ${method}`,
        data: null,
      });
    },
  );

  it.each([[undefined], [null], [{}], [{ a: "x" }], [[1, 2]]])("answers invalid_params to %j", async (params) => {
    expect(await failure(dispatch(methods, handlers, call("add", params)))).toEqual({
      code: -32602,
      message: "Invalid parameters for method `add`",
      data: null,
    });
  });

  it.each<[string, () => unknown]>([
    ["throws", () => expectThrow(wireError("no_turn"))],
    ["rejects", () => Promise.reject(wireError("no_turn"))],
  ])("passes a WireError on when the handler %s", async (_name, add) => {
    expect(await failure(dispatch(methods, { ...handlers, add }, call("add", { a: 1 })))).toEqual({
      code: -32000,
      message: "No agent turn is in progress",
      data: null,
    });
  });

  it("makes an internal error of anything else", async () => {
    const add = () => expectThrow(new RangeError("too far"));
    expect(await failure(dispatch(methods, { ...handlers, add }, call("add", { a: 1 })))).toEqual({
      code: -32603,
      message: "RangeError: too far",
      data: null,
    });
  });

  it("calls the handler in the same tick", () => {
    let called = false;
    void dispatch(methods, { ...handlers, cancel: () => (called = true) }, call("cancel"));
    expect(called).toBe(true);
  });
});

function expectThrow(error: Error): never {
  throw error;
}
