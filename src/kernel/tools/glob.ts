import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod/mini";
import { type SearchRoot, searchRoot } from "./support/search-root.js";
import { visibleText } from "./support/visible-text.js";
import { isWithin } from "./support/workspace-path.js";
import { defineTool, type ToolReturn, toolError, toolOk } from "./tool.js";

const MAX_MATCHES = 1000;
const LIMIT_S = 20;

const parameters = z.object({
  pattern: z.string(),
  directory: z.optional(z.string()),
  include_dirs: z._default(z.boolean(), true),
});

/** Finds files and folders by name. Never leaves the folder it searches, not through links either. */
export const glob = defineTool({
  name: "Glob",
  description: "Find files and folders by glob pattern, e.g. `src/**/*.ts`; not starting with `**`.",
  parameters,
  listed: ["pattern", "directory"],
  async prepare({ pattern, directory, include_dirs }, context) {
    const refusal = refusePattern(pattern);
    if (refusal !== null) return refusal;
    const root = await searchRoot(directory ?? ".", context);
    if ("isError" in root) return root;
    if (!root.isFolder)
      return toolError(`\`${visibleText(directory ?? ".")}\` is not a directory.`, "Invalid directory");
    return {
      ask: root.ask,
      effect: "read",
      execute: async ({ signal }) => (await root.recheck()) ?? search(pattern, root, include_dirs, signal),
    };
  },
});

function refusePattern(pattern: string): ToolReturn | null {
  const plain = pattern.replaceAll("\\", "").replace(/^(\.\/+)+/, "");
  if (plain === "") return toolError("Pattern cannot be empty.", "Invalid pattern");
  if (plain.startsWith("**")) {
    const rest = plain.replace(/^[*/]+/, "") || "*";
    return toolError(
      `Pattern \`${visibleText(pattern)}\` starts with \`**\` and would walk everything. ` +
        `Start with a folder, e.g. \`src/**/${visibleText(rest)}\`; \`*\` lists the top.`,
      "Unsafe pattern",
    );
  }
  if (plain.startsWith("/") || /(^|[/{,(|])\.\.($|[/},)|])/.test(plain)) {
    return toolError("Pattern must stay below the directory. Give another one as `directory`.", "Invalid pattern");
  }
  return null;
}

async function search(
  pattern: string,
  root: SearchRoot,
  includeDirs: boolean,
  signal: AbortSignal,
): Promise<ToolReturn> {
  const limit = AbortSignal.timeout(LIMIT_S * 1000);
  const stop = AbortSignal.any([signal, limit]);
  const { glob: find } = await import("tinyglobby");
  let found: string[];
  try {
    found = await unlessAborted(
      stop,
      find(pattern, {
        cwd: root.real,
        dot: true,
        expandDirectories: false,
        followSymbolicLinks: false,
        ignore: pattern.includes(".git") ? [] : ["**/.git/**"],
        onlyFiles: !includeDirs,
        signal: stop,
      }),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.aborted) throw error;
    return toolError(`Search stopped after ${LIMIT_S} s. Use a narrower pattern or directory.`, "Search timed out");
  }
  const { matches, more } = await firstMatches(found.sort(), root.real, signal);
  const note = more ? ` There are more; only the first ${MAX_MATCHES} are listed.` : "";
  return toolOk(matches.join("\n"), `Found ${matches.length} matches for pattern \`${pattern}\`.${note}`);
}

/** The first matches that really are below the root: a folder named in the pattern may be a link that leads out. */
async function firstMatches(
  found: readonly string[],
  root: string,
  signal: AbortSignal,
): Promise<{ matches: string[]; more: boolean }> {
  const inside = new Map<string, boolean>();
  const matches: string[] = [];
  for (const path of found) {
    signal.throwIfAborted();
    if (path === "" || path === "." || path === "./") continue;
    const folder = dirname(join(root, path));
    let isInside = inside.get(folder);
    if (isInside === undefined) {
      isInside = await realpath(folder).then(
        (real) => isWithin(real, root),
        () => false,
      );
      inside.set(folder, isInside);
    }
    if (!isInside) continue;
    if (matches.length === MAX_MATCHES) return { matches, more: true };
    matches.push(path);
  }
  return { matches, more: false };
}

/** Rejects with the signal's reason as soon as it is aborted, whatever the work does. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const settled = new AbortController();
  const abort = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true, signal: settled.signal });
  });
  try {
    const result = await Promise.race([work, abort]);
    signal.throwIfAborted();
    return result;
  } finally {
    settled.abort();
  }
}
