/** What the model is told about a call that was not allowed (wire.md 8.2). */
import type { ApprovalOutcome } from "../approval/pending-approval.js";
import { type ToolReturn, toolError } from "../tools/tool.js";

const STOP =
  "The tool call is rejected by the user. Stop what you are doing and wait for the user to tell you how to proceed.";
/** Nobody can tell a subagent how to proceed: it has to find another way or say why there is none. */
const GO_ON =
  "The tool call is rejected by the user. Try a different approach, or say in your final answer what you could not do; do not make this call again.";

const UNRECORDED = "The decision about this call could not be stored, so the call was not run.";

/** The result of a rejected call; `rejection` is null when the agent goes on whatever was said. */
export function rejectedCall(
  { feedback, via, code = "storage_failed" }: ApprovalOutcome,
  agentId: string | null,
): { value: ToolReturn; rejection: string | null } {
  if (via === "unrecorded") {
    const value = toolError(`${UNRECORDED} ${feedback}`.trim(), "Decision not stored");
    return { value: { ...value, extras: { code } }, rejection: null };
  }
  if (via === "denied") return { value: toolError(feedback, "Not allowed"), rejection: null };
  const value =
    feedback === ""
      ? toolError(agentId === null ? STOP : GO_ON, "Rejected by user")
      : toolError(`The tool call is rejected by the user. User feedback: ${feedback}`, `Rejected: ${feedback}`);
  return { value, rejection: agentId === null ? feedback : null };
}
