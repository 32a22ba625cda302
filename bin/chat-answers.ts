/** Puts the kernel's requests to the person at the keyboard, one at a time. */
import type { HostHandlers } from "../src/client/host.js";
import type { Question } from "../src/wire/generated/types.gen.js";
import { allowPrompt, approvalAnswer, approvalText, chosen, isMissingGrant, questionText } from "./ask-text.js";
import { chatMessages as say } from "./chat-messages.js";
import type { LineInput } from "./line-input.js";
import type { Screen } from "./screen.js";
import type { TurnView } from "./turn-view.js";

export interface ChatAnswersOptions {
  screen: Screen;
  input: LineInput;
  /** The view of the turn that runs. */
  view(): TurnView | null;
}

/** Handlers for a client. No answer at all is a no, and a question without one is left out. */
export function chatAnswers({
  screen,
  input,
  view,
}: ChatAnswersOptions): Required<Pick<HostHandlers, "onApproval" | "onQuestion">> {
  let queue: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(toolCallId: string, ask: () => Promise<T>): Promise<T> => {
    const asked = queue.then(async () => {
      view()?.pause();
      try {
        return await ask();
      } finally {
        view()?.resume(toolCallId);
      }
    });
    queue = asked.catch(() => {});
    return asked;
  };
  const askQuestion = async (question: Question, signal: AbortSignal): Promise<string | null> => {
    screen.line(questionText(question));
    return chosen(await input.next(say.choose(question.multi_select), signal), question);
  };
  return {
    onApproval: (request, { signal, grant }) =>
      inTurn(request.tool_call_id, async () => {
        if (signal.aborted) return { response: "reject" };
        screen.line(approvalText(request));
        const prompt = allowPrompt(grant);
        if (!input.isTerminal) screen.line(prompt.trim());
        let line = await input.next(prompt, signal);
        // The next line of a pipe was not written as an answer to this.
        while (input.isTerminal && isMissingGrant(line, grant)) {
          screen.line(say.noGrant);
          line = await input.next(prompt, signal);
        }
        return approvalAnswer(line, grant);
      }),
    onQuestion: (request, { signal }) =>
      inTurn(request.tool_call_id, async () => {
        const answers: Record<string, string> = {};
        for (const question of request.questions) {
          const answer = await askQuestion(question, signal);
          if (answer === null) break;
          answers[question.question] = answer;
        }
        return answers;
      }),
  };
}
