/** `/export [path]`: the conversation as a Markdown file. Never writes over a file. */
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorMessage } from "../errors.js";
import { resolvePath } from "../tools/support/workspace-path.js";
import type { TurnResult } from "../turn/turn.js";
import { exportText } from "./export-text.js";
import { FINISHED, type SlashContext } from "./slash-command.js";

const CAUTION =
  "  Note: The exported file may contain sensitive information. Please be cautious when sharing it externally.";

export async function runExport(args: string, context: SlashContext): Promise<TurnResult> {
  const { history, sessionId, workspace } = context;
  const { messages } = history;
  if (messages.length === 0) {
    context.say("No messages to export.");
    return FINISHED;
  }
  try {
    const file = await target(args, sessionId, workspace);
    await writeFile(file, exportText(sessionId, messages), { flag: "wx", mode: 0o600 });
    context.say(`Exported ${messages.length} messages to ${file}`);
    context.say(CAUTION);
  } catch (error) {
    context.say(`The conversation could not be exported: ${problem(error)}`);
  }
  return FINISHED;
}

/** A folder, or nothing, gets a name of ours. */
async function target(given: string, sessionId: string, workspace: SlashContext["workspace"]): Promise<string> {
  const time = new Date().toISOString().replace(/\..*$/, "").replace(/[-:]/g, "").replace("T", "-");
  const name = `kernel-export-${sessionId.slice(0, 8)}-${time}.md`;
  if (given === "") return join(workspace.workDir, name);
  const { absolute } = await resolvePath(given, workspace);
  const found = await stat(absolute).catch(() => null);
  return found?.isDirectory() === true || given.endsWith("/") ? join(absolute, name) : absolute;
}

function problem(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === "EEXIST") return `${path} exists already.`;
  if (code === "ENOENT") return `the folder of ${path} does not exist.`;
  return errorMessage(error);
}
