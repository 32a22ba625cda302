/** FAKE server scripts: what is odd about the chunks (empty choices, tool calls, reasoning, usage, finish reasons). */
import { callChunk, deltaChunk, finishChunk, textChunk, usageChunk } from "./chunk-shapes.js";
import type { QuirkScript } from "./quirk-server.js";

const ARGS = '{"command":"ls"}';
const shell = (args: unknown): Record<string, unknown> => ({ name: "Shell", arguments: args });

/** A script that sends the chunks, a finish reason and [DONE]. */
function chunks(values: readonly unknown[], finish: string | null = "stop"): QuirkScript {
  return (exchange) => {
    exchange.sse();
    for (const value of values) exchange.chunk(value);
    if (finish !== null) exchange.chunk(finishChunk(finish));
    exchange.end("data: [DONE]\n\n");
  };
}

const whole = (call: Record<string, unknown>, finish = "tool_calls"): QuirkScript => chunks([callChunk(call)], finish);
const texts = (...values: string[]): QuirkScript => chunks(values.map(textChunk));

export const chunkQuirks: Readonly<Record<string, QuirkScript>> = {
  "choices-null": chunks([
    { choices: null },
    { choices: [] },
    { id: "x" },
    { choices: [{ delta: null }] },
    { choices: [null] },
    textChunk("hello"),
    usageChunk({ prompt_tokens: 3, completion_tokens: 1 }),
  ]),
  "role-missing-or-repeated": chunks([
    deltaChunk({ role: "assistant", content: "hel" }),
    deltaChunk({ role: "assistant", content: "lo" }),
  ]),
  "content-parts": chunks([deltaChunk({ content: [{ type: "text", text: "hel" }, { text: "lo" }] })]),
  "usage-missing": texts("hello"),
  "usage-cumulative": chunks([
    { ...textChunk("hel"), usage: { prompt_tokens: 10, completion_tokens: 1 } },
    { ...textChunk("lo"), usage: { prompt_tokens: 10, completion_tokens: 2 } },
  ]),
  "usage-timings": chunks([
    textChunk("hello"),
    { choices: [], timings: { cache_n: 90, prompt_n: 10, predicted_n: 3 } },
  ]),
  "usage-kimi": chunks([
    textChunk("hello"),
    { choices: [{ index: 0, delta: {}, usage: { prompt_tokens: 50, completion_tokens: 4, cached_tokens: 20 } }] },
  ]),
  "usage-deepseek": chunks([
    textChunk("hello"),
    usageChunk({ prompt_tokens: 50, completion_tokens: 4, prompt_cache_hit_tokens: 30, prompt_cache_miss_tokens: 20 }),
  ]),
  "index-missing": chunks(
    [
      callChunk({ id: "a", function: shell('{"command":') }),
      callChunk({ function: { arguments: '"ls"}' } }),
      callChunk({ id: "b", function: shell(ARGS) }),
    ],
    "tool_calls",
  ),
  "same-index-other-id": chunks([
    callChunk({ index: 0, id: "a", function: shell(ARGS) }),
    callChunk({ index: 0, id: "b", function: { name: "ReadFile", arguments: '{"path":"x"}' } }),
  ]),
  "same-index-no-id": chunks([
    callChunk({ index: 0, function: shell(ARGS) }),
    callChunk({ index: 0, function: { name: "ReadFile", arguments: '{"path":"x"}' } }),
  ]),
  "interleaved-calls": chunks([
    callChunk({ index: 0, id: "a", function: shell("") }),
    callChunk({ index: 1, id: "b", function: { name: "ReadFile", arguments: "" } }),
    callChunk({ index: 0, function: { arguments: '{"command":' } }),
    callChunk({ index: 1, function: { arguments: '{"path":' } }),
    callChunk({ index: 0, function: { arguments: '"ls"}' } }),
    callChunk({ index: 1, function: { arguments: '"x"}' } }),
  ]),
  "id-missing": whole({ index: 0, function: shell(ARGS) }),
  "id-empty": whole({ index: 0, id: "", function: shell(ARGS) }),
  "id-repeated": chunks([
    callChunk({ index: 0, id: "call_0", function: shell(ARGS) }),
    callChunk({ index: 1, id: "call_0", function: { name: "ReadFile", arguments: '{"path":"x"}' } }),
  ]),
  "id-fixed": whole({ index: 0, id: "call_0", function: shell(ARGS) }),
  "name-in-pieces": chunks([
    callChunk({ index: 0, id: "a", function: { name: "She" } }),
    callChunk({ index: 0, function: { name: "ll" } }),
    callChunk({ index: 0, function: { name: "", arguments: ARGS } }),
  ]),
  "name-repeated": chunks([
    callChunk({ index: 0, id: "a", function: shell('{"command"') }),
    callChunk({ index: 0, id: "a", function: shell(':"ls"}') }),
    callChunk({ index: 0, id: "a", function: shell("") }),
  ]),
  "name-late": chunks([
    callChunk({ index: 0, id: "a", function: { arguments: '{"command"' } }),
    callChunk({ index: 0, function: shell(':"ls"}') }),
  ]),
  "name-never": whole({ index: 0, id: "a", function: { arguments: ARGS } }),
  "call-sent-again": chunks([
    callChunk({ index: 0, id: "a", function: shell(ARGS) }),
    callChunk({ index: 0, id: "a", function: shell(ARGS) }),
  ]),
  "arguments-object": whole({ index: 0, id: "a", function: shell({ command: "ls" }) }),
  "arguments-null": whole({ index: 0, id: "a", function: shell(null) }),
  "arguments-empty": whole({ index: 0, id: "a", function: shell("") }),
  "arguments-double-encoded": whole({ index: 0, id: "a", function: shell(JSON.stringify(ARGS)) }),
  "arguments-never-closed": whole({ index: 0, id: "a", function: shell('{"command":"l') }),
  "whole-call-in-one-chunk": chunks(
    [deltaChunk({ tool_calls: [{ index: 0, id: "a", function: shell(ARGS) }] }, "tool_calls")],
    null,
  ),
  "function-call": chunks([deltaChunk({ function_call: shell(ARGS) })], "function_call"),
  "calls-with-stop": whole({ index: 0, id: "a", function: shell(ARGS) }, "stop"),
  "tool-calls-without-calls": chunks([textChunk("hello")], "tool_calls"),
  "length-inside-a-call": whole({ index: 0, id: "a", function: shell("{") }, "length"),
  "many-calls": chunks(
    Array.from({ length: 10_000 }, (_, i) => callChunk({ index: i, id: `c${i}`, function: shell(ARGS) })),
    "tool_calls",
  ),
  "reasoning-content": chunks([deltaChunk({ reasoning_content: "hmm" }), textChunk("hello")]),
  reasoning: chunks([deltaChunk({ reasoning: "hmm", reasoning_details: [{ text: "hmm" }] }), textChunk("hello")]),
  thinking: chunks([deltaChunk({ thinking: "hmm" }), textChunk("hello")]),
  "reasoning-details": chunks([
    deltaChunk({ reasoning_details: [{ type: "reasoning.text", text: "hmm" }] }),
    textChunk("hello"),
  ]),
  "think-tag": texts("<th", "ink>h", "mm</thi", "nk>\n\nhel", "lo"),
  "think-tag-without-opener": texts("hmm</think>", "\n\nhello"),
  "only-reasoning": chunks([deltaChunk({ reasoning_content: "hmm" })]),
  "nothing-at-all": chunks([deltaChunk({ role: "assistant", content: "" })]),
  "text-call-tag": texts(
    "Let me look. ",
    "<tool",
    '_call>{"name": "Shell", ',
    '"arguments": {"command": "ls"}}',
    "</tool_call>",
  ),
  "text-call-function": texts("<function=Shell>\n<parameter=command>\nls\n</parameter>\n", "</function>"),
  "text-call-fence": texts('```json\n{"name": "Shell", "arguments": {"command": "ls"}}\n```'),
  "text-call-mistral": texts('[TOOL_CALLS][{"name": "Shell", "arguments": {"command": "ls"}}]'),
  "text-call-bare": texts('{"name": "Shell", "argu', 'ments": {"command": "ls"}}\n'),
  "text-call-unknown-tool": texts('<tool_call>{"name": "Nope", "arguments": {}}</tool_call>'),
  "text-call-then-text": texts('<tool_call>{"name": "Shell", "arguments": {"command": "ls"}}</tool_call>', " is how."),
  "text-call-and-native": chunks([
    textChunk('<tool_call>{"name": "ReadFile", "arguments": {"path": "x"}}</tool_call>'),
    callChunk({ index: 0, id: "a", function: shell(ARGS) }),
  ]),
  "stop-token": texts("hello", "<|im_", "end|>"),
  "stop-token-in-the-middle": texts("a </s> b"),
  "finish-length": chunks([textChunk("hello")], "length"),
  "finish-eos": chunks([textChunk("hello")], "eos"),
  "finish-end_turn": chunks([textChunk("hello")], "end_turn"),
  "finish-tool_use": chunks([textChunk("hello")], "tool_use"),
  "finish-function_call": chunks([textChunk("hello")], "function_call"),
  "finish-content_filter": chunks([textChunk("hello")], "content_filter"),
  "finish-error": chunks([textChunk("hello")], "error"),
};
