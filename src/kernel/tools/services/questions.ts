/** Asks the person at the client to choose (wire.md 3.2, QuestionRequest). */
import type { EarlierRequest } from "../tool.js";

export interface Question {
  question: string;
  header: string;
  options: { label: string; description: string }[];
  multi_select: boolean;
  body: string;
  other_label: string;
  other_description: string;
}

export interface Questions {
  /** False when the client never said that it can answer; then asking is an error for the model. */
  readonly supported: boolean;
  /** True when nobody is there (afk): every question is dismissed at once, and nothing is sent. */
  readonly unattended: boolean;
  /**
   * Answers by question text; an empty object when they were dismissed. Rejects only with the signal's reason.
   * `earlier`: it was asked before a restart; the same id is used again, or the answer it has. `shown`: hash of what the
   * person was shown with it, to be found in `earlier` then.
   */
  ask(
    toolCallId: string,
    questions: readonly Question[],
    signal: AbortSignal,
    earlier?: EarlierRequest,
    shown?: string,
  ): Promise<Record<string, string>>;
}
