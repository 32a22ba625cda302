/** What is left of a slash command whose kernel died in its turn. Nothing that acted is done twice. */
import type { SlashInput } from "../slash/parse-slash.js";
import { FINISHED } from "../slash/slash-command.js";
import { interruptedCall, unknownOutcome } from "../storage/tool-message.js";
import type { StepPosition, TurnPosition } from "../storage/turn-position.js";
import type { History } from "../turn/history.js";
import type { Recorder } from "../turn/recorder.js";
import { resumeTurn } from "../turn/resume-turn.js";
import { contextUpdate } from "../turn/status-update.js";
import type { TurnDeps, TurnResult } from "../turn/turn.js";

/** Each call of these turns something over. */
const TOGGLES: ReadonlySet<string> = new Set(["yolo", "afk", "plan"]);

export interface CommandResume {
  command: SlashInput;
  position: TurnPosition;
  recorder: Recorder;
  history: History;
  /** Throws llm_not_set. */
  turnDeps: () => Promise<TurnDeps>;
  maxContextTokens: number;
  /** Runs the command; a flow finds its place itself. Throws what the command throws. */
  run: () => Promise<TurnResult>;
  signal: AbortSignal;
}

/** Throws as runTurn does. */
export async function resumeCommand(resume: CommandResume): Promise<TurnResult> {
  const { command, position, recorder, history, maxContextTokens } = resume;
  const { name, args } = command;
  if (!position.begun || name.startsWith("flow:")) return await resume.run();
  if (!position.hasContext) {
    // Its steps were in a conversation that is gone.
    closeCalls(position.step, recorder);
    if (!TOGGLES.has(name) || args !== "") return await resume.run();
    const text = `The kernel was restarted during /${name}, which may have taken effect. It is not run again.`;
    recorder.event("ContentPart", { type: "text", text });
    return FINISHED;
  }
  if (name.startsWith("skill:")) return await resumeTurn(position, await resume.turnDeps(), resume.signal);
  // Its effect is recorded; what the client shows of the context may be behind.
  recorder.event("StatusUpdate", contextUpdate(history.countedTokens, maxContextTokens));
  return FINISHED;
}

/** Calls whose conversation is lost get the results that they never had. */
function closeCalls(step: StepPosition | null, recorder: Recorder): void {
  for (const { id } of step?.toolCalls ?? []) {
    const { result = null, intent = null, decided = null } = step?.calls.get(id) ?? {};
    if (result !== null) continue;
    const return_value = intent === null && decided === null ? interruptedCall() : unknownOutcome();
    recorder.result({ tool_call_id: id, return_value });
  }
}
