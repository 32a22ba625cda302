/** What EnterPlanMode and ExitPlanMode share: one question to the person, with one answer. */
import type { Question, Questions } from "../services/questions.js";
import { type ExecuteContext, type ToolReturn, toolError } from "../tool.js";

/** Both tools change the same thing, so they run one after the other. */
export const PLAN_MODE_KEY = "plan mode";

/** True when someone can answer, or nobody is there and the mode answers. */
export function canDecide(questions: Questions | null): questions is Questions {
  return questions !== null && (questions.supported || questions.unattended);
}

/** The error result when nobody can be asked; `step` says what only the user can do then. */
export function planUndecidable(step: string): ToolReturn {
  const message = `The client does not support interactive questions, so only the user can ${step}. Do NOT call this tool again.`;
  return toolError(message, "Client unsupported");
}

/**
 * Gives the answer, null when the question was dismissed. Rejects only with the signal's reason. `shown`: hash of what is
 * shown with it.
 */
export async function askPlanQuestion(
  questions: Questions,
  asked: Pick<Question, "question" | "header" | "options"> & Partial<Question>,
  { signal, toolCallId, earlier }: Pick<ExecuteContext, "signal" | "toolCallId" | "earlier">,
  shown?: string,
): Promise<string | null> {
  const { question, header, options, other_label = "", other_description = "" } = asked;
  const full = { question, header, options, multi_select: false, body: "", other_label, other_description };
  const answers = await questions.ask(toolCallId, [full], signal, earlier, shown);
  return answers[asked.question] ?? null;
}
