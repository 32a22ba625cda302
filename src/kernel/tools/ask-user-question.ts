import * as z from "zod/mini";
import { defineTool, type ToolReturn, toolError, toolOk } from "./tool.js";

const option = z.object({ label: text(), description: z.optional(z.string()) });

const question = z.object({
  question: text(),
  header: z.optional(z.string()),
  options: z
    .array(option)
    .check(z.minLength(2), z.maxLength(4), z.refine(distinct("label"), "must not repeat a label")),
  multi_select: z.optional(z.boolean()),
});

const questions = z
  .array(question)
  .check(z.minLength(1), z.maxLength(4), z.refine(distinct("question"), "must not repeat a question"));

/** Lets the user choose. A client that cannot show questions gives an honest error, a dismissal is no error. */
export const askUserQuestion = defineTool({
  name: "AskUserQuestion",
  description: "Let the user choose when only they can decide.",
  parameters: z.object({ questions }),
  listed: ["questions"],
  visible: (_capabilities, services) => services.questions?.supported ?? false,
  async prepare(args, { services }) {
    const desk = services.questions;
    if (desk === null || !desk.supported) return UNSUPPORTED;
    const asked = args.questions.map((one) => ({
      question: one.question,
      header: one.header ?? "",
      options: one.options.map(({ label, description }) => ({ label, description: description ?? "" })),
      multi_select: one.multi_select ?? false,
      body: "",
      other_label: "",
      other_description: "",
    }));
    return {
      ask: null,
      effect: "none",
      execute: async ({ signal, toolCallId, earlier }) => answered(await desk.ask(toolCallId, asked, signal, earlier)),
    };
  },
});

const UNSUPPORTED = toolError(
  "The client does not support interactive questions. Do NOT call this tool again; ask in your reply instead.",
  "Client unsupported",
);

const DISMISSED = '{"answers": {}, "note": "User dismissed the question without answering."}';

function answered(answers: Readonly<Record<string, string>>): ToolReturn {
  const entries = Object.entries(answers);
  if (entries.length === 0) return toolOk(DISMISSED, "", [{ type: "brief", text: "Question dismissed" }]);
  const pairs = entries.map(([asked, answer]) => `${JSON.stringify(asked)}: ${JSON.stringify(answer)}`);
  const display = [{ type: "brief" as const, text: "User answered" }];
  return toolOk(`{"answers": {${pairs.join(", ")}}}`, "User has answered.", display);
}

function text() {
  return z.string().check(z.refine((value) => value.trim() !== "", "must not be empty"));
}

/** Answers come back by question and as labels, so both must tell apart what they name. */
function distinct<K extends string>(key: K): (items: readonly Readonly<Record<K, string>>[]) => boolean {
  return (items) => new Set(items.map((item) => item[key])).size === items.length;
}
