/** Tells the model how plan mode is, at the tail of the conversation: the system text must not change with it. */
import type { ContentPart, Message } from "../messages.js";
import type { PlanMode } from "../tools/services/plan-mode.js";
import { inputText } from "../turn/user-input.js";

const ON = "<system-reminder>\nPlan mode is on";
const OFF = "<system-reminder>\nPlan mode is off";

/**
 * Gives the reminders of one turn, each a user message, asked before each step with the conversation as it is. On is
 * said once a turn, and again when a compaction took it away; off only when the last thing said was on. `begunWith` is
 * the input of a turn that an earlier process began: what that one has said counts.
 */
export function planReminders(
  planMode: PlanMode,
  begunWith: string | readonly ContentPart[] | null = null,
): (messages: readonly Message[]) => ContentPart[][] {
  let known = begunWith === null;
  let saidInTurn = false;
  return (messages) => {
    if (!known && begunWith !== null) saidInTurn = lastTold(messagesSince(begunWith, messages)) === "on";
    known = true;
    const toldOn = lastTold(messages) === "on";
    if (!planMode.active) {
      saidInTurn = false;
      return toldOn ? [textMessage(`${OFF}: all tools may be used again.\n</system-reminder>`)] : [];
    }
    if (saidInTurn && toldOn) return [];
    saidInTurn = true;
    return [textMessage(onText(planMode))];
  };
}

/** From the newest message with this input on; all of them when it is gone. */
function messagesSince(input: string | readonly ContentPart[], messages: readonly Message[]): readonly Message[] {
  const text = inputText(input);
  const at = messages.findLastIndex(({ role, content }) => role === "user" && inputText(content).startsWith(text));
  return messages.slice(Math.max(0, at));
}

function textMessage(text: string): ContentPart[] {
  return [{ type: "text", text }];
}

function onText({ planFile, supported }: PlanMode): string {
  const end = supported
    ? "When it is complete, call ExitPlanMode."
    : "When it is complete, tell the user, who can leave plan mode.";
  return `${ON}: read and plan, change nothing. Write the plan to \`${planFile}\`, the only file you may edit. Commands need the user's approval each time. ${end}\n</system-reminder>`;
}

function lastTold(messages: readonly Message[]): "on" | "off" | null {
  for (let at = messages.length - 1; at >= 0; at -= 1) {
    const message = messages[at];
    if (message?.role !== "user") continue;
    const [first] = message.content;
    if (first?.type !== "text") continue;
    if (first.text.startsWith(ON)) return "on";
    if (first.text.startsWith(OFF)) return "off";
  }
  return null;
}
