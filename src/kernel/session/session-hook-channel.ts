/** How hooks reach the client and the journal of a session. Outside a turn nothing may be recorded, and requests go out bare. */
import { randomBytes } from "node:crypto";
import { jsonLine } from "../../wire/json-line.js";
import { errorMessage } from "../errors.js";
import type { ClientVerdict, HookChannel, HookRequestPayload } from "../hooks/hook-channel.js";
import type { HookOutcome } from "../hooks/hook-verdict.js";
import { ClientRequestError } from "../turn/event-sink.js";
import type { TurnRecorder } from "../turn/turn-recorder.js";

/** `parse` checks a raw answer against the contract and returns null when it is malformed. */
export function sessionHookChannel(
  recorder: TurnRecorder,
  parse: (answer: unknown) => HookOutcome | null,
): HookChannel {
  const { log, sink } = recorder;

  /** Before the first turn and after the end the journal is not ours; nothing depends on a hook then. */
  function send(payload: HookRequestPayload, signal: AbortSignal): Promise<unknown> {
    if (log.held) return recorder.request("HookRequest", payload, signal);
    const json = jsonLine(payload);
    return sink.request(0, { kind: "request", type: "HookRequest", payload, json, id: payload.id }, signal);
  }

  async function request(payload: HookRequestPayload, signal: AbortSignal): Promise<ClientVerdict> {
    try {
      const answer = await send(payload, signal);
      const verdict = parse(answer);
      if (log.held) {
        const decided = verdict ?? "unreadable";
        recorder.note({ kind: "answer", id: payload.id, type: "HookRequest", answer, decided }, true);
      }
      return verdict ?? { action: "failed", problem: "was answered with an invalid result" };
    } catch (error) {
      if (!(error instanceof ClientRequestError)) throw error;
      if (error.code === "aborted") throw signal.reason;
      if (error.code === "closed") return { action: "gone" };
      return { action: "failed", problem: `was answered with an error: ${errorMessage(error)}` };
    }
  }

  return {
    asked: (batch, show) => {
      if (log.held) {
        const { id, event, blocking, input, hooks } = batch;
        const call = { tool_call_id: batch.toolCallId, agent_id: batch.agentId };
        recorder.note({ kind: "hook", batch_id: id, event, blocking, ...call, input, hooks }, false);
      }
      if (!show) return;
      recorder.event("HookTriggered", { event: batch.event, target: batch.target, hook_count: batch.hooks.length });
    },
    decided: (batch, { action, reason }, durationMs, show) => {
      if (log.held) recorder.note({ kind: "hook_decided", batch_id: batch.id, action, reason }, batch.blocking);
      if (!show) return;
      const { event, target } = batch;
      recorder.event("HookResolved", { event, target, action, reason, duration_ms: durationMs });
    },
    waiting: (work) => recorder.waiting("hook", work),
    request,
    freshId: () => {
      for (;;) {
        const id = randomBytes(6).toString("hex");
        if (!recorder.isIdTaken(id)) return id;
      }
    },
  };
}
