/** The turns of one subagent run: the task, and a second one when its last words were too few (wire.md 3.5). */
import type { StepPosition, TurnPosition } from "../storage/turn-position.js";
import { AgentFailure } from "../tools/services/agents.js";
import type { History } from "../turn/history.js";
import { RepeatGuard } from "../turn/repeat-guard.js";
import { resumeTurn } from "../turn/resume-turn.js";
import { SteerQueue } from "../turn/steer-queue.js";
import { runTurn, type TurnDeps } from "../turn/turn.js";
import { inputText } from "../turn/user-input.js";
import { wholeReply } from "../turn/whole-reply.js";

/** Fewer characters than this are no report. */
const SHORTEST_ANSWER = 200;

const ASK_FOR_MORE = `Your last message was too short to be of use to the agent that asked: it sees nothing else of your work. Write it again in full:

1. What you did or found, with file paths, names and figures
2. How you know it, and what you checked
3. What is left open or uncertain`;

export type AgentTurnDeps = Omit<TurnDeps, "guard" | "steers">;

/**
 * Runs the prompt, or what `earlier` leaves of it, to its end and gives the agent's last words. Throws AgentFailure when
 * the steps are used up, ProviderError, KernelError or the signal's reason. The client gets a TurnEnd for each TurnBegin.
 */
export async function runAgent(
  prompt: string,
  deps: AgentTurnDeps,
  signal: AbortSignal,
  earlier: TurnPosition | null = null,
): Promise<string> {
  const input = earlier?.inner?.userInput ?? prompt;
  if (earlier === null || earlier.openInnerTurns > 0 || earlier.step === null) {
    await oneTurn(input, deps, signal, earlier);
  }
  const answer = lastWords(deps.history);
  if (answer.length >= SHORTEST_ANSWER || input === ASK_FOR_MORE) return answer;
  await oneTurn(ASK_FOR_MORE, deps, signal, null);
  return lastWords(deps.history);
}

async function oneTurn(
  prompt: TurnPosition["userInput"],
  deps: AgentTurnDeps,
  signal: AbortSignal,
  earlier: TurnPosition | null,
): Promise<void> {
  const begun = earlier !== null && earlier.openInnerTurns > 0;
  if (!begun) deps.recorder.event("TurnBegin", { user_input: prompt });
  for (const end of earlier?.openBrackets ?? []) deps.recorder.event(end, {});
  try {
    const turn = { ...deps, guard: new RepeatGuard(), steers: new SteerQueue() };
    const goesOn = begun && (earlier.step !== null || wasAsked(prompt, deps.history));
    const result = await (goesOn
      ? resumeTurn({ ...earlier, step: storedStep(earlier.step, deps.history) }, turn, signal)
      : runTurn(prompt, turn, signal));
    if (result.status === "max_steps_reached") {
      throw new AgentFailure(`The agent used up its ${result.steps} steps without an answer.`, "Max steps reached");
    }
  } finally {
    deps.recorder.event("TurnEnd", {}, true);
  }
}

/** The prompt got into the conversation. What ends it may also be what an earlier run was asked and never answered. */
function wasAsked(prompt: TurnPosition["userInput"], { messages }: History): boolean {
  const last = messages.at(-1);
  return last?.role === "user" && inputText(last.content) === inputText(prompt);
}

/** The journal does not tell what an agent's own conversation holds: its last messages do. */
function storedStep(step: StepPosition | null, { messages }: History): StepPosition | null {
  if (step === null || step.outcome === null) return step;
  const ids = new Set(step.toolCalls.map(({ id }) => id));
  const last = messages.at(-1);
  const stored = last?.role === "tool" ? ids.has(last.tool_call_id) : ids.size === 0 && last?.role === "assistant";
  return { ...step, stored };
}

function lastWords({ messages }: History): string {
  const last = messages.findLastIndex((message) => message.role === "assistant");
  const texts = messages[last]?.content.map((part) => (part.type === "text" ? part.text : "")) ?? [];
  return (wholeReply(messages.slice(0, last + 1)) ?? texts.join("")).trim();
}
