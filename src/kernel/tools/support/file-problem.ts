/** The sentences that file problems become in tool results. */
import { type ToolReturn, toolError } from "../tool.js";
import { MAX_EDIT_BYTES } from "./file-state.js";
import { FileProblemError } from "./open-file.js";
import { visibleText } from "./visible-text.js";
import { PathError } from "./workspace-path.js";

/** Gives the error result for a PathError or FileProblemError about the path as the model gave it; throws others again. */
export function fileProblem(error: unknown, path: string): ToolReturn {
  const shown = `\`${visibleText(path)}\``;
  if (error instanceof PathError) return toolError(error.message, error.brief);
  if (!(error instanceof FileProblemError)) throw error;
  switch (error.code) {
    case "missing":
      return toolError(`${shown} does not exist.`, "File not found");
    case "not_file":
      return toolError(`${shown} is not a file.`, "Invalid path");
    case "moved":
      return toolError(`${shown} leads to another place than before. Try again.`, "File changed");
    case "denied":
      return toolError(`${shown} cannot be opened: permission denied.`, "Permission denied");
    case "too_large":
      return toolError(`${shown} is larger than the limit of ${MAX_EDIT_BYTES} bytes for edits.`, "File too large");
  }
}

/** The refusal of a relative path that leads out of the workspace; the absolute path may be asked for. */
export function relativeOutside(path: string, shownReal: string): ToolReturn {
  return toolError(
    `\`${visibleText(path)}\` leads outside of the working directory, to \`${shownReal}\`. Use the absolute path.`,
    "Invalid path",
  );
}
