import { describe, expect, it } from "vitest";
import { ProviderError } from "./provider.js";
import { connectionError, retryAfterMs, toProviderError } from "./provider-errors.js";
import { statusError, streamError } from "./server-error.js";

const NOW = Date.parse("2026-01-01T00:00:00Z");

describe("retryAfterMs", () => {
  it.each([
    [{ "retry-after": "7" }, 7000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after-ms": "250", "retry-after": "7" }, 250],
    [{ "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" }, 30_000],
    [{ "retry-after": "Wed, 31 Dec 2025 00:00:00 GMT" }, 0],
    [{ "retry-after": "soon" }, null],
    [{}, null],
  ])("%j is %s", (headers, expected) => {
    expect(retryAfterMs(new Headers(headers as Record<string, string>), NOW)).toBe(expected);
  });
});

describe("statusError", () => {
  it.each([
    ['{"error":{"message":"m","code":"c"}}', "m"],
    ['{"error":"m"}', "m"],
    ['{"message":"m"}', "m"],
    ['{"detail":"m"}', "m"],
    ['{"detail":[{"msg":"x"}]}', '[{"msg":"x"}]'],
    ['{"error":{}}', '{"error":{}}'],
    ["plain text\n", "plain text"],
    ["", "The model server answered 418 without a message."],
    ["<html>x</html>", "The model server answered 418 with a web page instead of JSON."],
  ])("%s says %j", (body, message) => {
    expect(statusError(418, body, null)).toMatchObject({
      message,
      statusCode: 418,
      retryable: false,
      code: "http_418",
    });
  });

  it.each([429, 500, 502, 503, 504])("%i may be retried", (status) => {
    expect(statusError(status, "x", null).retryable).toBe(true);
  });

  it.each([
    '{"error":{"code":"context_length_exceeded","message":"m"}}',
    '{"error":{"type":"exceed_context_size_error","message":"m","n_ctx":1}}',
    `{"error":{"message":"This model's maximum context length is 4096 tokens."}}`,
    '{"error":"the request exceeds the available context size"}',
  ])("%s is an overflow", (body) => {
    expect(statusError(400, body, null)).toMatchObject({ code: "context_overflow", retryable: false });
  });
});

describe("streamError", () => {
  it.each([
    [{ error: { message: "m", code: 429 } }, 429, true],
    [{ error: { message: "m", type: "rate_limit_error" } }, 429, true],
    [{ error: { message: "m", type: "invalid_request_error" } }, 400, false],
    [{ error: { message: "m", code: "401" } }, 401, false],
    [{ error: { message: "m" } }, 500, true],
    [{ error: "m" }, 500, true],
    ["m", 500, true],
  ])("%j", (value, statusCode, retryable) => {
    expect(streamError(value)).toMatchObject({ message: "m", statusCode, retryable, errorType: "APIStatusError" });
  });
});

describe("toProviderError", () => {
  const none = (): undefined => undefined;

  it("finds the ProviderError that the SDK wrapped", () => {
    const inner = connectionError(new Error("x"), "http://h");
    expect(toProviderError(new Error("outer", { cause: inner }), "http://h", none)).toBe(inner);
  });

  it.each([
    ["ECONNREFUSED", "connection_refused", "APIConnectionError", true],
    ["ENOTFOUND", "connection_failed", "APIConnectionError", true],
    ["ETIMEDOUT", "connect_timeout", "APITimeoutError", true],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls_failed", "APIConnectionError", false],
  ])("%s", (errno, code, errorType, retryable) => {
    const cause = Object.assign(new Error(`what ${errno}`), { code: errno });
    const error = toProviderError(new Error("Connection error.", { cause }), "http://h:1", none);
    expect(error).toBeInstanceOf(ProviderError);
    expect(error).toMatchObject({ code, errorType, retryable, message: expect.stringContaining("http://h:1") });
    expect(error.message).toContain(errno);
  });

  it("looks into addresses that were tried in parallel", () => {
    const one = Object.assign(new Error("connect ECONNREFUSED ::1:1"), { code: "ECONNREFUSED" });
    expect(connectionError(new AggregateError([one]), "http://localhost:1").code).toBe("connection_refused");
  });
});
