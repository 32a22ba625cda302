import { createHash } from "node:crypto";
import * as z from "zod/mini";
import type { PlanMode } from "./services/plan-mode.js";
import { fileProblem } from "./support/file-problem.js";
import { FileProblemError } from "./support/open-file.js";
import { askPlanQuestion, canDecide, PLAN_MODE_KEY, planUndecidable } from "./support/plan-question.js";
import { defineTool, type ToolReturn, toolError, toolOk } from "./tool.js";

const QUESTION = "Approve this plan";
const REJECT = "Reject";
const REJECT_AND_EXIT = "Reject and Exit";
const REVISE = "Revise";
const APPROVE = "Approve";

/** A label with a meaning of its own would make one answer mean two things. */
const TAKEN: ReadonlySet<string> = new Set([REJECT, REJECT_AND_EXIT, REVISE]);

const label = z.string().check(
  z.refine((text) => text.trim() !== "", "must not be empty"),
  z.refine((text) => !TAKEN.has(text), "is taken"),
);

const options = z.array(z.object({ label, description: z.optional(z.string()) })).check(
  z.maxLength(3),
  z.refine((items) => new Set(items.map((item) => item.label)).size === items.length, "must not repeat a label"),
);

/**
 * Shows the plan and asks for its approval. Only the exact label of an offered option approves; every other word is a
 * request to revise, and no answer at all is a no.
 */
export const exitPlanMode = defineTool({
  name: "ExitPlanMode",
  description: "Show the written plan for approval; options: up to 3 ways to choose from.",
  parameters: z.object({ options: z.optional(z.nullable(options)) }),
  listed: ["options"],
  visible: (_capabilities, services) => services.planMode?.supported ?? false,
  exclusiveKey: () => PLAN_MODE_KEY,
  async prepare(args, { services }, signal) {
    const { planMode, questions } = services;
    if (planMode === null) return toolError("This kernel has no plan mode.", "Not supported");
    const off = !planMode.active;
    if (!off && !canDecide(questions)) return planUndecidable("leave plan mode");
    const plan = await readPlan(planMode, signal);
    if (!off && typeof plan !== "string") return plan;
    const offered = args.options ?? [];
    return {
      ask: null,
      effect: "none",
      async execute(run) {
        const hash = typeof plan === "string" ? sha256(plan) : "";
        if (run.decided !== undefined) {
          // Nobody was there, so the call approved this plan before a restart, and may have left plan mode.
          return run.decided === hash ? approved(planMode, null, offered.length > 0) : changedMeanwhile(off);
        }
        const known = (run.earlier?.answer ?? null) !== null;
        // What this very call was allowed before a restart may have been done by it.
        if (!canDecide(questions) || (off && !known)) return toolError("Plan mode is not on.", "Not planning");
        // To another plan another question: an answer to the one that was shown must not count for it.
        const earlier = known || run.earlier?.shown === hash ? run.earlier : undefined;
        if (earlier === undefined && typeof plan === "string") planMode.display(plan);
        if (questions.unattended && earlier === undefined) {
          run.decide?.(hash);
          return approved(planMode, null, offered.length > 0);
        }
        const choices = offered.length > 0 ? offered : [{ label: APPROVE, description: "Carry out the plan" }];
        const { signal: stop, toolCallId } = run;
        const asked = { signal: stop, toolCallId, ...(earlier === undefined ? {} : { earlier }) };
        const answer = await askPlanQuestion(questions, question(choices), asked, hash);
        if (answer === REJECT_AND_EXIT) return rejectedForGood(planMode);
        if (off && (answer === null || !choices.some(({ label }) => label === answer))) return endedOtherwise();
        if (answer === null || answer === REJECT) return rejected();
        if (!choices.some((choice) => choice.label === answer)) return toRevise(answer);
        // What is approved is what was shown.
        const now = await readPlan(planMode, stop);
        if (typeof now !== "string" || sha256(now) !== (earlier?.shown ?? hash)) return changedMeanwhile(off);
        return approved(planMode, offered.length > 0 ? answer : null, false);
      },
    };
  },
});

function sha256(plan: string): string {
  return createHash("sha256").update(plan).digest("hex");
}

async function readPlan(planMode: PlanMode, signal: AbortSignal): Promise<string | ToolReturn> {
  const { planFile } = planMode;
  try {
    const plan = await planMode.read(signal);
    if (plan !== null && plan.trim() !== "") return plan;
  } catch (error) {
    if (!(error instanceof FileProblemError) || error.code !== "too_large") return fileProblem(error, planFile);
    return toolError("The plan is too long to be shown; 256 KiB is the limit.", "Plan too long");
  }
  return toolError(`There is no plan yet: write it to \`${planFile}\` first.`, "No plan file");
}

function question(choices: readonly { label: string; description?: string | undefined }[]) {
  return {
    question: QUESTION,
    header: "Plan",
    options: [
      ...choices.map(({ label, description }) => ({ label, description: description ?? "" })),
      { label: REJECT, description: "Stay in plan mode" },
      { label: REJECT_AND_EXIT, description: "Leave plan mode without a plan" },
    ],
    other_label: REVISE,
    other_description: "Say what to change",
  };
}

function approved(planMode: PlanMode, choice: string | null, modelChooses: boolean): ToolReturn {
  const file = planMode.planFile;
  planMode.finish();
  const message = choice === null ? "Plan approved" : `Plan approved: ${choice}`;
  const which = modelChooses
    ? " Nobody was there to choose: take the option you recommend."
    : choice === null
      ? ""
      : ` Carry out only the option "${choice}".`;
  return toolOk(`Plan mode is off. The plan is in \`${file}\`.${which}`, message, [{ type: "brief", text: message }]);
}

function rejected(): ToolReturn {
  const message = "The plan is rejected. Plan mode stays on. Wait for the user's next message.";
  return { ...toolError(message, "Plan rejected"), rejection: "" };
}

function rejectedForGood(planMode: PlanMode): ToolReturn {
  planMode.finish();
  const message = "The plan is rejected and plan mode is off. Wait for the user's next message.";
  return { ...toolError(message, "Plan rejected, exited plan mode"), rejection: "" };
}

/** The user has left plan mode before this call did. */
function endedOtherwise(): ToolReturn {
  return toolError("Plan mode is not on any more. The plan was not approved.", "Not planning");
}

function changedMeanwhile(off: boolean): ToolReturn {
  if (off) {
    const message = "Plan mode is off, but the plan was changed since it was approved. Ask the user before you go on.";
    return toolError(message, "Plan changed");
  }
  return toolError("The plan was changed while it was shown, so it is not approved. Show it again.", "Plan changed");
}

function toRevise(feedback: string): ToolReturn {
  const output = `Plan mode stays on. Change the plan as the user says, then show it again. User feedback: ${feedback}`;
  return toolOk(output, "Plan not approved yet", [{ type: "brief", text: `Revise: ${feedback}` }]);
}
