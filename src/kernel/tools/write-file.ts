import { resolve } from "node:path";
import * as z from "zod/mini";
import { findEditTarget, missingParent, planEdit } from "./support/file-edit.js";
import { defineTool } from "./tool.js";

/** Writes a whole file or appends to it; the folder must exist. */
export const writeFile = defineTool({
  name: "WriteFile",
  description: "Create, overwrite or append to a file.",
  parameters: z.object({
    path: z.string(),
    content: z.string(),
    mode: z._default(z.enum(["overwrite", "append"]), "overwrite"),
  }),
  listed: ["path", "content", "mode"],
  exclusiveKey: (args, context) => resolve(context.workDir, args.path),
  async prepare({ path, content, mode }, context, signal) {
    const target = await findEditTarget(path, context, signal);
    if ("isError" in target) return target;
    const refusal = await missingParent(target);
    if (refusal !== null) return refusal;
    const written = Buffer.from(content, "utf8");
    const after = mode === "append" && target.before !== null ? Buffer.concat([target.before, written]) : written;
    const done = mode === "append" ? "appended to" : "overwritten";
    const success = `File successfully ${done}. Current size: ${after.length} bytes.`;
    return planEdit({ target, after, verb: "Write", success }, context);
  },
});
