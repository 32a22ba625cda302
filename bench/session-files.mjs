// Writes the files of a long session as any Wire kernel leaves them: no journal, merged texts, one tool call a turn.

const OUTPUT_LINE = "export const value = compute(input, { deep: true }); // \u00fcnchanged line of a source file\n";

/**
 * Files of a session whose wire.jsonl has about `bytes` bytes, and how many events a replay of it sends. With
 * `contextBytes` the context holds only the newest turns, as after a compaction: what fits into a model's window.
 */
export function sessionFiles(bytes, contextBytes = Number.POSITIVE_INFINITY) {
  const wire = ['{"type":"metadata","protocol_version":"1.10"}'];
  const context = [];
  let size = 0;
  let events = 0;
  for (let turn = 0; size < bytes; turn++) {
    for (const [type, payload] of turnEvents(turn)) {
      const line = JSON.stringify({ timestamp: 1_700_000_000 + turn, message: { type, payload } });
      wire.push(line);
      size += Buffer.byteLength(line) + 1;
      events++;
    }
    context.push(...turnContext(turn));
  }
  const lines = context.map((line) => `${JSON.stringify(line)}\n`);
  let kept = 0;
  const from = lines.findLastIndex((line) => {
    kept += Buffer.byteLength(line);
    return kept > contextBytes;
  });
  // A turn is not cut in two.
  const first = context.findIndex((line, i) => i > from && line.role === "_checkpoint" && line.id % 3 === 0);
  const system = `${JSON.stringify({ role: "_system_prompt", content: "You are a coding agent." })}\n`;
  const state = { version: 1, custom_title: "bench", approval: { yolo: false, afk: false, auto_approve_actions: [] } };
  return {
    events,
    contents: {
      "wire.jsonl": `${wire.join("\n")}\n`,
      "context.jsonl": system + lines.slice(first).join(""),
      "state.json": JSON.stringify(state, null, 2),
    },
  };
}

const path = (turn) => `src/part-${turn}.ts`;
const callId = (turn) => `call_${turn}`;
const output = OUTPUT_LINE.repeat(30);
const answer = (turn) => `The file ${path(turn)} exports one value. `.repeat(8);

function call(turn) {
  const args = JSON.stringify({ path: path(turn) });
  return { type: "function", id: callId(turn), function: { name: "ReadFile", arguments: args } };
}

function turnEvents(turn) {
  const value = { is_error: false, output, message: "30 lines read.", display: [], extras: null };
  const status = {
    context_usage: 0.1,
    context_tokens: 12_000,
    max_context_tokens: 128_000,
    token_usage: { input_other: 1000, output: 100, input_cache_read: 11_000, input_cache_creation: 0 },
    message_id: null,
    plan_mode: false,
    mcp_status: null,
  };
  return [
    ["TurnBegin", { user_input: `Look at ${path(turn)}` }],
    ["StepBegin", { n: 1 }],
    ["ContentPart", { type: "text", text: "I will read it." }],
    ["ToolCall", { ...call(turn), extras: null }],
    ["StatusUpdate", status],
    ["ToolResult", { tool_call_id: callId(turn), return_value: value }],
    ["StepBegin", { n: 2 }],
    ["ContentPart", { type: "text", text: answer(turn) }],
    ["StatusUpdate", status],
    ["TurnEnd", {}],
  ];
}

function turnContext(turn) {
  return [
    { role: "_checkpoint", id: turn * 3 },
    { role: "user", content: `Look at ${path(turn)}` },
    { role: "_checkpoint", id: turn * 3 + 1 },
    { role: "assistant", content: "I will read it.", tool_calls: [call(turn)] },
    { role: "tool", content: `<system>30 lines read.</system>${output}`, tool_call_id: callId(turn) },
    { role: "_checkpoint", id: turn * 3 + 2 },
    { role: "assistant", content: answer(turn) },
  ];
}
