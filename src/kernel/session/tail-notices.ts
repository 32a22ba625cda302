/** What the model is told at the tail of a conversation before a step: facts that must not be in its frozen head. */
import type { ContentPart } from "../messages.js";
import { planReminders } from "../planning/plan-reminder.js";
import type { PlanMode } from "../tools/services/plan-mode.js";
import type { History } from "../turn/history.js";
import type { BackgroundWork } from "./background-work.js";

/** For one turn on `history`: each text is one user message. Without `background` what it has to say waits. */
export function tailNotices(
  planMode: PlanMode,
  history: History,
  background: BackgroundWork | undefined,
): () => ContentPart[][] {
  const remind = planReminders(planMode);
  return () => [...remind(history.messages), ...(background?.takeMessages() ?? [])];
}
