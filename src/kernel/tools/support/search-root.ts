import { stat } from "node:fs/promises";
import { type ApprovalAsk, type ToolContext, type ToolReturn, toolError } from "../tool.js";
import { visibleText } from "./visible-text.js";
import { PathError, type ResolvedPath, resolvePath } from "./workspace-path.js";

/** Where Glob and Grep look. */
export interface SearchRoot {
  /** Absolute and without links. */
  real: string;
  isFolder: boolean;
  /** What has to be asked first; null inside of the workspace. */
  ask: ApprovalAsk | null;
  /** To be called just before the search: the error result when the path leads elsewhere by now, else null. */
  recheck(): Promise<ToolReturn | null>;
}

/** Judges the path that a search was given. Gives an error result when it cannot be searched; never throws. */
export async function searchRoot(path: string, context: ToolContext): Promise<SearchRoot | ToolReturn> {
  const shown = `\`${visibleText(path)}\``;
  let target: ResolvedPath;
  try {
    target = await resolvePath(path, context);
  } catch (error) {
    return error instanceof PathError
      ? toolError(error.message, error.brief)
      : toolError(`${shown} cannot be read.`, "Invalid path");
  }
  if (target.relative && !target.inside) {
    return toolError(`${shown} leads outside of the working directory: use its absolute path.`, "Invalid path");
  }
  const found = await stat(target.real).catch(() => null);
  if (found === null) return toolError(`${shown} does not exist.`, "File not found");
  return {
    real: target.real,
    isFolder: found.isDirectory(),
    ask: target.inside ? null : askToSearch(target),
    async recheck() {
      const now = await resolvePath(path, context).catch(() => null);
      if (now?.real === target.real && now.inside === target.inside) return null;
      return toolError(`${shown} leads to another place than before. Try again.`, "File changed");
    },
  };
}

function askToSearch(target: ResolvedPath): ApprovalAsk {
  return {
    action: "read file outside of working directory",
    description: `Search in \`${target.shown}\``,
    display: [],
    subject: { kind: "read_outside", path: target.real },
  };
}
