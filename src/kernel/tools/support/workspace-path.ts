/**
 * Where a path given by the model really leads, and whether that is inside the workspace. Links are followed by hand,
 * component by component, so that a path whose end does not exist yet is judged by where it would be created.
 */
import { lstat, readlink } from "node:fs/promises";
import { dirname, isAbsolute, join, parse, relative, resolve, sep } from "node:path";
import { visibleText } from "./visible-text.js";

/** As many links as Linux follows in one path. */
const MAX_LINKS = 40;

export interface PathScope {
  /** Absolute; relative paths resolve against it. */
  workDir: string;
  /** Absolute folders that count as the workspace too. */
  additionalDirs: readonly string[];
  /** HOME is what a leading `~/` stands for; without it `~/` is refused. */
  env?: Readonly<Record<string, string>>;
}

export interface ResolvedPath {
  /** The path as given, made absolute; links not followed. */
  absolute: string;
  /** Where it leads: absolute and without links. The end of it may not exist. */
  real: string;
  /** True when `real` is within the real path of the work dir or of an additional dir. */
  inside: boolean;
  /** True when the path was given relative to the work dir. */
  relative: boolean;
  /** What to show a person, hidden characters escaped: `absolute`, or `real` when a link leads elsewhere. */
  shown: string;
}

/** A path that cannot be judged. The message is a sentence for the model, the brief its short form. */
export class PathError extends Error {
  readonly brief: string;

  constructor(message: string, brief = "Invalid path") {
    super(message);
    this.name = "PathError";
    this.brief = brief;
  }
}

/**
 * Resolves a path against the workspace. `..` is taken out of the given path as text, then links are followed;
 * `~` and `~/...` mean the home folder, `~name` is an ordinary name. Reads the file system, changes nothing.
 * Throws PathError for an empty path, NUL, `~/` without a home and a loop of links.
 */
export async function resolvePath(path: string, where: PathScope): Promise<ResolvedPath> {
  if (path === "") throw new PathError("The path is empty.");
  if (path.includes("\0")) throw new PathError(`\`${visibleText(path)}\` contains a NUL character.`);
  const expanded = expandHome(path, where.env);
  const absolute = resolve(where.workDir, expanded);
  const real = await followLinks(absolute);
  let inside = false;
  let linked = true;
  for (const root of [where.workDir, ...where.additionalDirs]) {
    const realRoot = await followLinks(resolve(root));
    if (!isWithin(real, realRoot)) continue;
    inside = true;
    if (join(realRoot, relative(resolve(root), absolute)) === real) linked = false;
  }
  const shown = visibleText(inside && !linked ? absolute : real);
  return { absolute, real, inside, relative: !isAbsolute(expanded), shown };
}

/** True when `path` is `folder` or below it. Both absolute; compared as text, so give real paths. */
export function isWithin(path: string, folder: string): boolean {
  const rest = relative(folder, path);
  return rest === "" || (rest !== ".." && !rest.startsWith(`..${sep}`) && !isAbsolute(rest));
}

/**
 * Follows every link of an absolute path, a dangling one included, and gives the path without links. Components
 * that do not exist are kept as they are. Throws PathError after 40 links.
 */
export async function followLinks(absolute: string): Promise<string> {
  let real = parse(absolute).root;
  const rest = absolute.slice(real.length).split(sep).reverse();
  let links = 0;
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      real = dirname(real);
      continue;
    }
    const next = join(real, name);
    const target = await readLinkOrNull(next);
    if (target === null) {
      real = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new PathError(`\`${visibleText(absolute)}\` has too many symbolic links.`);
    const { root } = parse(target);
    if (root !== "") real = isAbsolute(target) ? root : resolve(real, root);
    rest.push(...target.slice(root.length).split(sep).reverse());
  }
  return real;
}

function expandHome(path: string, env: Readonly<Record<string, string>> | undefined): string {
  if (path !== "~" && !path.startsWith("~/")) return path;
  const home = env?.HOME ?? env?.USERPROFILE;
  if (home === undefined || !isAbsolute(home))
    throw new PathError("The home folder is not known: give an absolute path.");
  return join(home, path.slice(1));
}

async function readLinkOrNull(path: string): Promise<string | null> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : null;
  } catch (error) {
    if (isNotThere(error)) return null;
    throw error;
  }
}

function isNotThere(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  // EACCES: what cannot be looked up cannot be opened either. EINVAL: the link vanished between the two calls.
  return code === "ENOENT" || code === "ENOTDIR" || code === "EACCES" || code === "EINVAL" || code === "ENAMETOOLONG";
}
