/**
 * What WriteFile and StrReplaceFile share: find the file and read it, show the change, and write it only if the file
 * still is what the shown change started from.
 */
import { lstat } from "node:fs/promises";
import { dirname } from "node:path";
import { type PreparedCall, type ToolContext, type ToolReturn, toolError, toolOk } from "../tool.js";
import { AtomicWriteError, atomicWrite } from "./atomic-write.js";
import { fileProblem, relativeOutside } from "./file-problem.js";
import { MAX_EDIT_BYTES, readFileBounded, sha256 } from "./file-state.js";
import { FileProblemError } from "./open-file.js";
import { diffBlocks } from "./text-diff.js";
import { visibleText } from "./visible-text.js";
import { type ResolvedPath, resolvePath } from "./workspace-path.js";

export interface EditTarget {
  /** The path as the model gave it. */
  path: string;
  resolved: ResolvedPath;
  /** Content as it is; null when the file does not exist. */
  before: Buffer | null;
}

interface PlannedEdit {
  target: EditTarget;
  after: Buffer;
  verb: "Write" | "Edit";
  /** The message of the success. */
  success: string;
}

const BRIEFS = {
  changed: "File changed",
  denied: "Permission denied",
  disk_full: "No space left",
  failed: "Write failed",
} as const;

/** Resolves and reads the file to edit. Gives the error result when it cannot be edited. */
export async function findEditTarget(
  path: string,
  context: ToolContext,
  signal: AbortSignal,
): Promise<EditTarget | ToolReturn> {
  try {
    const resolved = await resolvePath(path, context);
    if (resolved.relative && !resolved.inside) return relativeOutside(path, resolved.shown);
    return { path, resolved, before: await readFileBounded(resolved.real, MAX_EDIT_BYTES, signal) };
  } catch (error) {
    return fileProblem(error, path);
  }
}

/** Gives the error result when a missing file cannot be created because its folder is missing too; else null. */
export async function missingParent({ path, resolved, before }: EditTarget): Promise<ToolReturn | null> {
  if (before !== null) return null;
  const parent = await lstat(dirname(resolved.real)).catch(() => null);
  if (parent?.isDirectory()) return null;
  return toolError(`\`${visibleText(path)}\` parent directory does not exist.`, "Parent directory not found");
}

/** Turns a change into a prepared call: what is asked, the hashes before and after, and the guarded write. */
export async function planEdit(
  { target, after, verb, success }: PlannedEdit,
  context: ToolContext,
): Promise<PreparedCall | ToolReturn> {
  if (after.length > MAX_EDIT_BYTES) return fileProblem(new FileProblemError("too_large", target.path), target.path);
  const { resolved, path } = target;
  const before = target.before === null ? null : sha256(target.before);
  const display = await diffBlocks(resolved.shown, target.before?.toString("utf8") ?? "", after.toString("utf8"));
  return {
    ask: {
      action: resolved.inside ? "edit file" : "edit file outside of working directory",
      description: `${verb} file \`${resolved.shown}\``,
      display,
      subject: { kind: "edit", path: resolved.real, insideWorkspace: resolved.inside },
    },
    effect: "write",
    before: [{ path: resolved.real, sha256: before }],
    after: [{ path: resolved.real, sha256: sha256(after) }],
    async execute({ signal }) {
      signal.throwIfAborted();
      try {
        const now = await resolvePath(path, context);
        if (now.real !== resolved.real || now.inside !== resolved.inside) {
          throw new FileProblemError("moved", resolved.real);
        }
        await atomicWrite({ path: now.real, bytes: after, expected: before, signal });
      } catch (error) {
        if (error instanceof AtomicWriteError) return toolError(error.message, BRIEFS[error.code]);
        return fileProblem(error, path);
      }
      return toolOk("", success, display);
    },
  };
}
