/** `/init`: a turn of its own in a throw-away conversation; the real one only learns the outcome. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TurnResult } from "../turn/turn.js";
import type { SlashContext } from "./slash-command.js";

const PROMPT = `Look at this project and write AGENTS.md in its root, for coding agents that will work here.

Read the manifests, the README, the CI files and a few typical sources first. Then write what such an agent cannot guess: what the project is, how its folders divide the work, the exact commands to build, test, lint and run one test, the conventions the code really follows, and traps. If AGENTS.md exists, improve it and keep what is right. State only what you saw in the files. At most 80 lines, in the language of the project's own documents.`;

/** Runs the analysis, then tells the conversation what AGENTS.md says now. */
export async function runInit(_args: string, context: SlashContext): Promise<TurnResult> {
  const result = await context.runAside(PROMPT);
  const text = await readFile(join(context.workDir, "AGENTS.md"), "utf8").catch(() => null);
  const outcome = text === null ? "No AGENTS.md was written." : `AGENTS.md now reads:\n${text}`;
  context.history.appendUser([{ type: "text", text: `<system>The user ran /init. ${outcome}</system>` }]);
  return result;
}
