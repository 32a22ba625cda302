import { relative } from "node:path";
import * as z from "zod/mini";

/** A refinement, because a listed `minimum` costs tokens. */
const count = () => z.optional(z.int().check(z.refine((lines) => lines >= 0, "expected at least 0")));

/** The parameters of Grep, named after ripgrep's own flags where models know those. */
export const grepParameters = z.object({
  pattern: z.string(),
  path: z.optional(z.string()),
  glob: z.optional(z.string()),
  /** Default: files_with_matches; said in the description, where it is cheaper. */
  output_mode: z.optional(z.enum(["content", "files_with_matches", "count_matches"])),
  "-B": count(),
  "-A": count(),
  "-C": count(),
  "-n": z._default(z.boolean(), true),
  "-i": z.optional(z.boolean()),
  type: z.optional(z.string()),
  head_limit: z._default(z.int().check(z.minimum(0)), 250),
  offset: z._default(z.int().check(z.minimum(0)), 0),
  multiline: z._default(z.boolean(), false),
  include_ignored: z._default(z.boolean(), false),
});

export type GrepParameters = z.output<typeof grepParameters>;

/**
 * The arguments for ripgrep. Each value of the model stands behind `=` or `--`, so none can become a flag. `target` is
 * a real absolute path; it is given relative to `cwd` when it is below, and left out when it is `cwd` itself, because
 * then ripgrep prints paths without `./`.
 */
export function grepArguments(args: GrepParameters, target: string, cwd: string): string[] {
  const path = relative(cwd, target);
  const result = ["--no-config", "--color=never", "--no-heading", "--hidden", "--sort=path", ...modeArguments(args)];
  if (args["-i"]) result.push("--ignore-case");
  if (args.multiline) result.push("--multiline", "--multiline-dotall");
  if (args.include_ignored) result.push("--no-ignore");
  if (args.type !== undefined) result.push(`--type=${args.type}`);
  if (args.glob !== undefined) result.push(`--glob=${args.glob}`);
  if (!path.split("/").includes(".git")) result.push("--glob=!**/.git/**", "--glob=!**/.git");
  result.push(`--regexp=${args.pattern}`);
  if (path !== "") result.push("--", path.startsWith("..") ? target : path);
  return result;
}

function modeArguments(args: GrepParameters): string[] {
  const mode = args.output_mode ?? "files_with_matches";
  if (mode === "files_with_matches") return ["--files-with-matches"];
  if (mode === "count_matches") return ["--count-matches", "--with-filename"];
  const context = (["-A", "-B", "-C"] as const).flatMap((flag) =>
    args[flag] === undefined ? [] : [flag + args[flag]],
  );
  return ["--with-filename", args["-n"] ? "--line-number" : "--no-line-number", ...context];
}
