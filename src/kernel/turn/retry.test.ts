import { expect, test } from "vitest";
import { providerError } from "../testing/fake-provider.js";
import { retryDelayMs } from "./retry.js";

const error = (options = {}) => providerError("no", options);

test.each([
  [1, 0, 300],
  [2, 0, 600],
  [3, 0, 1_200],
  [4, 0, 2_400],
  [5, 0, 4_800],
  [6, 0, 5_000],
  [9, 0, 5_000],
  [1, 1, 800],
  [6, 0.5, 5_250],
])("retry %i with random %d waits %i ms", (k, random, ms) => {
  expect(retryDelayMs(error(), k, 99, () => random)).toBe(ms);
});

test.each([
  ["shorter than the backoff", 100, 300],
  ["longer", 2_000, 2_000],
  ["longer than a minute", 600_000, 60_000],
])("a server's own wait that is %s", (_name, retryAfterMs, ms) => {
  expect(retryDelayMs(error({ retryAfterMs }), 1, 3, () => 0)).toBe(ms);
});

test.each([
  [1, 1, null],
  [2, 3, 600],
  [3, 3, null],
])("after attempt %i of %i", (k, max, wait) => {
  expect(retryDelayMs(error(), k, max, () => 0)).toBe(wait);
});

test("an error that will not go away is not retried", () => {
  expect(retryDelayMs(error({ retryable: false }), 1, 3, () => 0)).toBeNull();
});
