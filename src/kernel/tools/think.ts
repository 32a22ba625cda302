import * as z from "zod/mini";
import { defineTool, toolOk } from "./tool.js";

/** Lets a model without thinking write its thoughts down; nothing happens. */
export const think = defineTool({
  name: "Think",
  description: "Write down a thought. Changes nothing.",
  parameters: z.object({ thought: z.string() }),
  listed: ["thought"],
  prepare: async () => ({ ask: null, effect: "none", execute: async () => toolOk("", "Thought logged") }),
});
