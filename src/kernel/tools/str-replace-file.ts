import { resolve } from "node:path";
import * as z from "zod/mini";
import { type EditTarget, findEditTarget, planEdit } from "./support/file-edit.js";
import { fileProblem } from "./support/file-problem.js";
import { MAX_EDIT_BYTES } from "./support/file-state.js";
import { nearestText } from "./support/nearest-text.js";
import { FileProblemError } from "./support/open-file.js";
import { type Replacement, replaceText } from "./support/replace-text.js";
import { defineTool, type ToolReturn, toolError } from "./tool.js";

const edit = z.object({
  old: z.string(),
  new: z.string(),
  replace_all: z.optional(z.boolean()),
});

/** Replaces exact text in an existing file; all edits of a call apply in order, or none does. */
export const strReplaceFile = defineTool({
  name: "StrReplaceFile",
  description: "Replace exact text in a file: the first match or all.",
  parameters: z.object({
    path: z.string(),
    edit: z.union([edit, z.array(edit).check(z.refine((edits) => edits.length > 0, "must not be empty"))]),
  }),
  listed: ["path", "edit"],
  exclusiveKey: (args, context) => resolve(context.workDir, args.path),
  async prepare({ path, edit }, context, signal) {
    const target = await findEditTarget(path, context, signal);
    if ("isError" in target) return target;
    if (target.before === null) return fileProblem(new FileProblemError("missing", path), path);
    const edits = Array.isArray(edit) ? edit : [edit];
    const applied = applyAll(target.before, edits, target);
    if ("isError" in applied) return applied;
    const success = `File successfully edited. Applied ${edits.length} edit(s) with ${applied.count} total replacement(s).`;
    return planEdit({ target, after: applied.content, verb: "Edit", success }, context);
  },
});

function applyAll(
  before: Buffer,
  edits: readonly Replacement[],
  target: EditTarget,
): { content: Buffer; count: number } | ToolReturn {
  let content = before;
  let count = 0;
  for (const [index, edit] of edits.entries()) {
    if (edit.old === "")
      return toolError("No replacements were made. The old string is empty.", "No replacements made");
    const result = replaceText(content, edit, MAX_EDIT_BYTES);
    if (result.outcome === "too_large") return fileProblem(new FileProblemError("too_large", target.path), target.path);
    if (result.outcome === "not_found") return notFound(content, edit, edits.length === 1 ? "" : `Edit ${index + 1}: `);
    content = result.content;
    count += result.count;
  }
  if (content.equals(before)) {
    return toolError("No replacements were made. The new text equals the old text.", "No replacements made");
  }
  return { content, count };
}

function notFound(content: Buffer, edit: Replacement, prefix: string): ToolReturn {
  const hint = nearestText(content.toString("utf8"), edit.old);
  const message = "No replacements were made. The old string was not found in the file.";
  return toolError(
    message,
    "No replacements made",
    prefix === "" && hint === "" ? "" : `${prefix}${hint || "not found"}`,
  );
}
