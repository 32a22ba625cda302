import * as z from "zod/mini";
import type { PlanMode } from "./services/plan-mode.js";
import { askPlanQuestion, canDecide, PLAN_MODE_KEY, planUndecidable } from "./support/plan-question.js";
import { defineTool, type ToolReturn, toolError, toolOk } from "./tool.js";

const QUESTION = "Enter plan mode?";
/** What is recorded when nobody was there. */
const UNASKED = "unasked";

/** Asks the user to plan first. Without anyone there (afk) planning begins unasked: it only takes rights away. */
export const enterPlanMode = defineTool({
  name: "EnterPlanMode",
  description: "Ask to plan first, before a large or unclear task.",
  parameters: z.object({}),
  listed: [],
  visible: (_capabilities, services) => services.planMode?.supported ?? false,
  exclusiveKey: () => PLAN_MODE_KEY,
  async prepare(_args, { services }) {
    const { planMode, questions } = services;
    if (planMode === null) return toolError("This kernel has no plan mode.", "Not supported");
    const on = planMode.active;
    if (!on && !canDecide(questions)) return planUndecidable("begin planning");
    return {
      ask: null,
      effect: "none",
      async execute(run) {
        if (run.decided === UNASKED) return entered(planMode);
        // What this very call was allowed before a restart may have been done by it.
        const known = (run.earlier?.answer ?? null) !== null;
        if (!canDecide(questions) || (on && !known)) return toolError("Plan mode is on already.", "Already planning");
        if (questions.unattended && !known) {
          run.decide?.(UNASKED);
          return entered(planMode);
        }
        const answer = await askPlanQuestion(questions, question(), run);
        return answer === "Yes" ? entered(planMode) : declined(answer);
      },
    };
  },
});

function question() {
  return {
    question: QUESTION,
    header: "Plan Mode",
    options: [
      { label: "Yes", description: "Look around and write a plan first" },
      { label: "No", description: "Begin the work now" },
    ],
  };
}

function entered(planMode: PlanMode): ToolReturn {
  planMode.set(true);
  const output = `The plan goes to \`${planMode.planFile}\`.`;
  return toolOk(output, "Plan mode on", [{ type: "brief", text: "Plan mode on" }]);
}

function declined(answer: string | null): ToolReturn {
  const words = answer === null || answer === "No" ? "" : ` They said: ${answer}`;
  const output = `The user wants no plan mode; go on without it.${words}`;
  return toolOk(output, "Plan mode declined", [{ type: "brief", text: "Plan mode declined" }]);
}
