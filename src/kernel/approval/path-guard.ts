import { lstat, readlink, realpath } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import type { GrantSubject } from "../tools/tool.js";

/** The folders that decide what a path means. All absolute. */
export interface Places {
  workDir: string;
  /** Extra folders that count as the workspace. */
  additionalDirs: readonly string[];
  shareDir: string;
  /** The config file in use; null when there is none. */
  configFile: string | null;
}

/**
 * `kernel_state`: sessions, journal, locks: no tool may write there. `control`: decides what runs or who gets in, or
 * holds secrets. `build_script`: says what a test or build command runs; reading it is harmless. `unknown`: the path could not
 * be judged.
 */
export type PathGuard = "kernel_state" | "control" | "build_script" | "unknown";

export interface PathVerdict {
  /** The path with every link resolved; null when it could not be (a loop, no permission). */
  real: string | null;
  insideWorkspace: boolean;
  guard: PathGuard | null;
}

const KERNEL_STATE: ReadonlySet<string> = new Set(["sessions", "journal", "locks", "recovered", "logs", "kimi.json"]);
const CONTROL_FOLDERS: ReadonlySet<string> = new Set(
  ".git .ssh .gnupg .aws .azure .kube .docker .vscode .idea .husky .devcontainer".split(" "),
);
const CONTROL_FILES: ReadonlySet<string> = new Set(
  (
    ".bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin .zlogout " +
    ".kshrc .cshrc .tcshrc .login .inputrc config.fish .gitconfig .gitmodules .gitattributes .npmrc .yarnrc .yarnrc.yml " +
    ".pnpmfile.cjs .netrc .pgpass .pypirc .git-credentials authorized_keys known_hosts id_rsa id_dsa id_ecdsa id_ed25519 " +
    "mcp.json .mcp.json crontab .pythonrc .pdbrc .gdbinit .lldbinit .ripgreprc .curlrc .wgetrc .direnvrc"
  ).split(" "),
);
const BUILD_SCRIPTS: ReadonlySet<string> = new Set(["package.json", "makefile", "gnumakefile", "justfile"]);

/** Names are compared as a file system that ignores case and Unicode forms would compare them. */
function fold(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

/** True when `path` is `root` or lies below it. Both absolute. */
export function isWithin(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`));
}

/** The path with every link resolved, also when its last parts do not exist yet. Throws on loops and refused access. */
export async function resolveLinks(path: string, linksLeft = 40): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(path) === path || linksLeft === 0) throw error;
  }
  const parent = await resolveLinks(dirname(path), linksLeft);
  const here = join(parent, basename(path));
  const link = await lstat(here).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
  // A link to something that is not there: writing through it would make the target.
  return link ? resolveLinks(resolve(parent, await readlink(here)), linksLeft - 1) : here;
}

/**
 * Judges an absolute path, as it is written and as its links resolve; the stricter of both counts. Never throws: what
 * cannot be resolved is outside.
 */
export async function judgePath(path: string, places: Places): Promise<PathVerdict> {
  const written = resolve(path);
  try {
    const real = await resolveLinks(written);
    const share = await resolveLinks(places.shareDir);
    const config = places.configFile === null ? null : await resolveLinks(places.configFile);
    const named = [places.workDir, ...places.additionalDirs];
    const roots = await Promise.all(named.map((root) => resolveLinks(root)));
    const guards = [written, real].flatMap((each) => [
      guardByPlace(each, places.shareDir, places.configFile),
      guardByPlace(each, share, config),
      guardByName(each, [...roots, ...named]),
    ]);
    const guard =
      (["kernel_state", "control", "build_script"] as const).find((candidate) => guards.includes(candidate)) ?? null;
    return { real, insideWorkspace: roots.some((root) => isWithin(root, real)), guard };
  } catch {
    const guard = guardByPlace(written, places.shareDir, places.configFile) ?? "unknown";
    return { real: null, insideWorkspace: false, guard };
  }
}

function guardByPlace(path: string, share: string, config: string | null): PathGuard | null {
  const folded = fold(path);
  if (config !== null && folded === fold(config)) return "control";
  const foldedShare = fold(share);
  if (!isWithin(foldedShare, folded)) return null;
  const first = relative(foldedShare, folded).split(sep)[0] ?? "";
  if (KERNEL_STATE.has(first)) return "kernel_state";
  // Plans are notes; what is left are the config, credentials and the list of MCP servers.
  return first === "plans" ? null : "control";
}

function guardByName(path: string, roots: readonly string[]): PathGuard | null {
  // The name of the workspace itself, or of a folder above it, says nothing about what lies in it.
  const root = roots.find((each) => isWithin(each, path));
  const parts = fold(root === undefined ? path : relative(root, path)).split(sep);
  const name = parts.at(-1) ?? "";
  if (parts.some((part) => CONTROL_FOLDERS.has(part)) || CONTROL_FILES.has(name)) return "control";
  if (parts.some((part) => part.startsWith(".env")) || /\.(pem|key|p12|pfx)$/.test(name)) return "control";
  const tail = parts.slice(-2).join("/");
  if (/^\.config\//.test(parts.join("/")) || parts.join("/").includes("/.config/")) return "control";
  if (tail === ".cargo/config.toml" || tail === ".cargo/config" || parts.join("/").startsWith(".github/workflows"))
    return "build_script";
  return BUILD_SCRIPTS.has(name) ? "build_script" : null;
}

/** What the path of a subject guards; null for an ordinary path and for subjects without one. Never rejects. */
export async function guardOfSubject(subject: GrantSubject, places: Places): Promise<PathGuard | null> {
  return "path" in subject ? (await judgePath(subject.path, places)).guard : null;
}
