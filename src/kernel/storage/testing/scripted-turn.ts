/** One turn as a kernel would write it: prompt, a call that is asked for, its result, a second step. For tests. */
import { lineJson } from "../line-json.js";
import type { DeliverableRecord, SessionLog } from "../session-log.js";

/** A record of the wire with its JSON text. */
export function delivered(
  type: string,
  payload: unknown,
  kind: DeliverableRecord["kind"] = "event",
  id?: string,
): DeliverableRecord {
  const record = { kind, type, payload, json: lineJson(payload) };
  return id === undefined ? record : { ...record, id };
}

export const text = (value: string) => delivered("ContentPart", { type: "text", text: value });

export const turnEnd = (turnId = "turn-1") => ({
  ...delivered("TurnEnd", {}, "turn_end"),
  extra: { turn_id: turnId, result: { status: "finished" }, error: null },
});

export const toolCall = (id: string, args: string | null = "{}", name = "Shell") =>
  delivered("ToolCall", { type: "function", id, function: { name, arguments: args }, extras: null });

export const toolResult = (id: string, output = "ok\n") =>
  delivered(
    "ToolResult",
    {
      tool_call_id: id,
      return_value: { is_error: false, output, message: "Command executed successfully.", display: [], extras: null },
    },
    "result",
  );

export const approvalRequest = (id: string, callId: string) =>
  delivered("ApprovalRequest", { id, tool_call_id: callId, sender: "Shell", action: "run command" }, "request", id);

export const intent = (callId: string) => ({
  kind: "intent" as const,
  effect_id: `effect-${callId}`,
  tool_call_id: callId,
  name: "Shell",
  arguments: "{}",
  class: "exec",
  action_hash: "h",
  before: null,
  after: null,
});

/** Steps of the turn, in order, each one call of the session log. Names are what a test says about a failure. */
export function turnSteps(tag = "go"): [name: string, run: (log: SessionLog) => void][] {
  const call = `${tag}-t1`;
  return [
    ["turn", (log) => log.beginTurn({ kind: "turn", turn_id: tag, client_id: null, user_input: tag })],
    ["begin", (log) => log.append([delivered("TurnBegin", { user_input: tag })])],
    [
      "prompt",
      (log) =>
        log.context([
          { role: "_checkpoint", id: 0 },
          { role: "user", content: tag },
        ]),
    ],
    ["step begin", (log) => log.append([delivered("StepBegin", { n: 1 })])],
    ["step 1", (log) => log.note({ kind: "step", n: 1, checkpoint: 1 })],
    ["stream", (log) => log.append([text(`${tag} a`), text(" b"), toolCall(call, '{"command":')])],
    ["stream more", (log) => log.append([delivered("ToolCallPart", { arguments_part: '"ls"}' })])],
    [
      "stream end",
      (log) => log.note({ kind: "stream_end", n: 1, usage: null, message_id: null, finish_reason: "stop" }),
    ],
    ["status", (log) => log.append([delivered("StatusUpdate", { plan_mode: false })])],
    ["request", (log) => log.append([approvalRequest(`${tag}-q`, call)])],
    [
      "answer",
      (log) =>
        log.note({
          kind: "answer",
          id: `${tag}-q`,
          type: "ApprovalRequest",
          answer: {},
          decided: { response: "approve", feedback: "", via: "answer" },
        }),
    ],
    ["approved", (log) => log.append([delivered("ApprovalResponse", { request_id: `${tag}-q`, response: "approve" })])],
    ["intent", (log) => log.note(intent(call))],
    ["result", (log) => log.append([toolResult(call)])],
    [
      "context",
      (log) =>
        log.context([
          { role: "_checkpoint", id: 1 },
          {
            role: "assistant",
            content: `${tag} a b`,
            tool_calls: [{ type: "function", id: call, function: { name: "Shell", arguments: '{"command":"ls"}' } }],
          },
          { role: "tool", content: "ok\n", tool_call_id: call },
        ]),
    ],
    ["checkpoint 1", (log) => log.checkpoint()],
    ["step 2", (log) => log.append([delivered("StepBegin", { n: 2 }), text(`${tag} done`)])],
    ["reply", (log) => log.context([{ role: "assistant", content: `${tag} done` }])],
    ["turn end", (log) => log.append([turnEnd(tag)])],
    ["checkpoint 2", (log) => log.checkpoint()],
  ];
}
