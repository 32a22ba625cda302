import { expect, it } from "vitest";
import type { Message } from "../src/kernel/messages.js";
import type { Event, StatusUpdate } from "../src/wire/generated/types.gen.js";
import { TurnTally } from "./turn-tally.js";

const text = (words: string): Event => ({ type: "ContentPart", payload: { type: "text", text: words } });
const step = (n: number): Event => ({ type: "StepBegin", payload: { n } });
const used = (output: number): Event => {
  const token_usage = { input_other: 1, output, input_cache_read: 0, input_cache_creation: 0 };
  return { type: "StatusUpdate", payload: { token_usage } as StatusUpdate };
};

it("adds deltas to messages, in the order in which they are whole", () => {
  const messages: Message[] = [];
  const tally = new TurnTally((message) => messages.push(message));
  const call = { type: "function", id: "t1", function: { name: "Shell", arguments: null }, extras: null } as const;
  const result = { is_error: false, output: "out", message: "", display: [], extras: null };
  const events: Event[] = [
    { type: "TurnBegin", payload: { user_input: "go" } },
    step(1),
    text("a"),
    text("b"),
    { type: "ToolCall", payload: { ...call, function: { ...call.function } } },
    { type: "ToolCallPart", payload: { arguments_part: "{}" } },
    used(2),
    { type: "ToolResult", payload: { tool_call_id: "t1", return_value: result } },
    step(2),
    text("end"),
    used(3),
    {
      type: "SubagentEvent",
      payload: { parent_tool_call_id: "t1", agent_id: "a", subagent_type: "s", event: used(4) },
    },
    { type: "TurnEnd", payload: {} },
  ];
  for (const event of events) tally.add(event);
  expect(messages).toEqual([
    { role: "user", content: [{ type: "text", text: "go" }] },
    {
      role: "assistant",
      content: [{ type: "text", text: "ab" }],
      tool_calls: [{ ...call, function: { name: "Shell", arguments: "{}" } }],
    },
    { role: "tool", tool_call_id: "t1", content: [{ type: "text", text: "out" }] },
    { role: "assistant", content: [{ type: "text", text: "end" }], tool_calls: [] },
  ]);
  expect(tally).toMatchObject({ steps: 2, finalText: "end", usage: { input_other: 3, output: 9 } });
});

it("a failed attempt is not part of the message, and what was cut short is kept", () => {
  const messages: Message[] = [];
  const tally = new TurnTally((message) => messages.push(message));
  const retry = { n: 1, next_attempt: 2, max_attempts: 3, wait_s: 0, error_type: "E", status_code: null };
  for (const event of [step(1), text("lost"), { type: "StepRetry", payload: retry } as Event, text("ke")])
    tally.add(event);
  tally.close();
  tally.close();
  expect(messages).toEqual([{ role: "assistant", content: [{ type: "text", text: "ke" }], tool_calls: [] }]);
  expect(tally.finalText).toBe("ke");
});
