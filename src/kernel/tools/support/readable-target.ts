/** What ReadFile and ReadMediaFile do before they read: judge the path, ask for files outside, and judge it again. */
import type { FileHandle } from "node:fs/promises";
import type { ApprovalAsk, PreparedCall, ToolContext, ToolReturn } from "../tool.js";
import { fileProblem, relativeOutside } from "./file-problem.js";
import { FileProblemError, openRegularFile, regularFileSize } from "./open-file.js";
import { type ResolvedPath, resolvePath } from "./workspace-path.js";

/**
 * Plans the reading of one regular file. `read` gets it open and need not close it; file problems, before or after
 * the question, become error results.
 */
export async function planRead(
  path: string,
  context: ToolContext,
  read: (file: FileHandle, signal: AbortSignal) => Promise<ToolReturn>,
): Promise<PreparedCall | ToolReturn> {
  let target: ResolvedPath;
  try {
    target = await resolvePath(path, context);
    if (target.relative && !target.inside) return relativeOutside(path, target.shown);
    await regularFileSize(target.real);
  } catch (error) {
    return fileProblem(error, path);
  }
  return {
    ask: target.inside ? null : askToRead(target),
    effect: "read",
    async execute({ signal }) {
      signal.throwIfAborted();
      try {
        const now = await resolvePath(path, context);
        if (now.real !== target.real || now.inside !== target.inside) throw new FileProblemError("moved", path);
        const file = await openRegularFile(now.real);
        try {
          return await read(file, signal);
        } finally {
          await file.close();
        }
      } catch (error) {
        return fileProblem(error, path);
      }
    },
  };
}

function askToRead(target: ResolvedPath): ApprovalAsk {
  return {
    action: "read file outside of working directory",
    description: `Read file \`${target.shown}\``,
    display: [],
    subject: { kind: "read_outside", path: target.real },
  };
}
