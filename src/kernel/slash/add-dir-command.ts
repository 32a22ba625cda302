/** `/add-dir`: one more folder counts as the workspace, now and when the session is resumed. */
import { stat } from "node:fs/promises";
import { isWithin, resolvePath } from "../tools/support/workspace-path.js";
import type { TurnResult } from "../turn/turn.js";
import { FINISHED, type SlashContext } from "./slash-command.js";

export async function runAddDir(args: string, context: SlashContext): Promise<TurnResult> {
  const { workspace } = context;
  const dirs = workspace.additionalDirs;
  if (args === "") {
    context.say(
      dirs.length === 0
        ? "No additional directories. Usage: /add-dir <path>"
        : `Additional directories:\n${dirs.map((dir) => `  - ${dir}`).join("\n")}`,
    );
    return FINISHED;
  }
  const problem = await add(args, context);
  if (problem !== null) context.say(problem);
  return FINISHED;
}

/** Gives the sentence to say when the folder was not added. */
async function add(given: string, context: SlashContext): Promise<string | null> {
  const { workspace } = context;
  const { absolute, real } = await resolvePath(given, workspace);
  const found = await stat(real).catch(() => null);
  if (found === null) return `Directory does not exist: ${absolute}`;
  if (!found.isDirectory()) return `Not a directory: ${absolute}`;
  for (const root of [workspace.workDir, ...workspace.additionalDirs]) {
    if (isWithin(real, root)) return `Directory is part of the workspace already: ${absolute}`;
  }
  workspace.addDir(real);
  const note = `The user made another folder part of the workspace: ${real}`;
  context.history.appendUser([{ type: "text", text: `<system>${note}</system>` }]);
  context.say(`Added directory to workspace: ${real}`);
  return null;
}
