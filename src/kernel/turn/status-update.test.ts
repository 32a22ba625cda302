import { expect, test } from "vitest";
import { usage } from "../testing/fake-provider.js";
import { contextUpdate, statusUpdate } from "./status-update.js";

const NOTHING = {
  context_usage: null,
  context_tokens: null,
  max_context_tokens: null,
  token_usage: null,
  message_id: null,
  plan_mode: null,
  mcp_status: null,
};

test("without usage: only plan mode and the message id", () => {
  expect(statusUpdate({ usage: null, messageId: null }, 1_000, false)).toEqual({ ...NOTHING, plan_mode: false });
  expect(statusUpdate({ usage: null, messageId: "m" }, 1_000, true)).toEqual({
    ...NOTHING,
    message_id: "m",
    plan_mode: true,
  });
});

test("with usage: the context is all input, cached or not, and no output", () => {
  const counted = { input_other: 100, output: 50, input_cache_read: 300, input_cache_creation: 100 };
  expect(statusUpdate({ usage: counted, messageId: "m" }, 1_000, false)).toEqual({
    ...NOTHING,
    context_usage: 0.5,
    context_tokens: 500,
    max_context_tokens: 1_000,
    token_usage: counted,
    message_id: "m",
    plan_mode: false,
  });
});

test("an unknown window is no division by zero", () => {
  const update = statusUpdate({ usage: usage(5, 1), messageId: null }, 0, false);
  expect(update).toMatchObject({ context_usage: 0, context_tokens: 5, max_context_tokens: 0 });
});

test("after a change of the conversation: only the context figures", () => {
  expect(contextUpdate(0, 100_000)).toEqual({
    ...NOTHING,
    context_usage: 0,
    context_tokens: 0,
    max_context_tokens: 100_000,
  });
  expect(contextUpdate(25, 100).context_usage).toBe(0.25);
});
