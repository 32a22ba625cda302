/** Finds the kernel that a host starts. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { KernelProcessError } from "./errors.js";
import { findOnPath, isJavaScript, whyNotRunnable } from "./program-file.js";
import { splitShellWords } from "./shell-words.js";

const PACKAGE = "wire-kernel";
const NAME = "kernel";

export interface LocateKernelOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** What a relative path in KERNEL_BIN is relative to. Default: the process's own. */
  cwd?: string;
  /** The folder of this package; null for none. Default: the one this file is part of. */
  packageRoot?: string | null;
}

export interface LocatedKernel {
  /** Program and arguments, to which `--wire` and the flags are added. The program is an absolute path. */
  command: [string, ...string[]];
  source: "KERNEL_BIN" | "package" | "PATH";
}

/**
 * KERNEL_BIN, else the program in the package `@wire-kernel/<platform>-<arch>`, else this package's own `bin/kernel.js`,
 * else `kernel` on PATH. KERNEL_BIN is a path as it stands, or a path or name with arguments, quoted as for
 * `splitShellWords`; when it is set and wrong that is the answer, nothing else is tried. Empty counts as not set.
 * JavaScript files are run by this process's own Node. Throws KernelProcessError `not_found` or `spawn_failed` with `data.reason`.
 */
export function locateKernel({ env, cwd, packageRoot = ownPackageRoot() }: LocateKernelOptions): LocatedKernel {
  const named = env.KERNEL_BIN?.trim();
  if (named) return { command: fromVariable(named, cwd ?? process.cwd(), env), source: "KERNEL_BIN" };
  const bundled = packageRoot === null ? null : fromPackage(packageRoot);
  if (bundled !== null) return { command: runnable(bundled), source: "package" };
  const onPath = findOnPath(NAME, env);
  if (onPath !== null) return { command: runnable(onPath), source: "PATH" };
  const sentence = "No kernel was found: KERNEL_BIN is not set, no package has one, and there is none on PATH.";
  throw new KernelProcessError("not_found", sentence, { data: { reason: "ENOENT" } });
}

function fromVariable(
  value: string,
  cwd: string,
  env: Readonly<Record<string, string | undefined>>,
): [string, ...string[]] {
  const whole = resolve(cwd, value);
  const words = isPath(value) && existsSync(whole) ? [whole] : splitShellWords(value);
  if (words === null) throw wrongVariable(value, "EINVAL");
  const [word = "", ...args] = words;
  const program = isPath(word) ? resolve(cwd, word) : findOnPath(word, env);
  if (program === null) throw wrongVariable(word || value, "ENOENT");
  const reason = whyNotRunnable(program);
  if (reason !== null) throw wrongVariable(program, reason);
  return runnable(program, args);
}

/** A bare name is looked up on PATH only: what lies in a work dir must not be run because of its name. */
function isPath(word: string): boolean {
  return word.includes("/") || (process.platform === "win32" && word.includes("\\"));
}

const REASONS: Readonly<Record<string, string>> = {
  EINVAL: "a quote is not closed",
  ENOENT: "it is not there",
  EISDIR: "it is a folder",
  EACCES: "it is not executable",
};

function wrongVariable(what: string, reason: string): KernelProcessError {
  const code = reason === "ENOENT" || reason === "ENOTDIR" ? "not_found" : "spawn_failed";
  const why = REASONS[reason === "ENOTDIR" ? "ENOENT" : reason] ?? reason;
  const sentence = `KERNEL_BIN names ${what}, which cannot be started: ${why}.`;
  return new KernelProcessError(code, sentence, { data: { reason, source: "KERNEL_BIN" } });
}

function runnable(file: string, args: readonly string[] = []): [string, ...string[]] {
  return isJavaScript(file) ? [process.execPath, file, ...args] : [file, ...args];
}

function fromPackage(root: string): string | null {
  const own = join(root, "bin", "kernel.js");
  return [platformProgram(root), own].find((file) => file !== null && whyNotRunnable(file) === null) ?? null;
}

/** An optional dependency: absent where there is none for the platform. */
function platformProgram(root: string): string | null {
  const name = process.platform === "win32" ? `${NAME}.exe` : NAME;
  try {
    const { resolve: find } = createRequire(join(root, "package.json"));
    return join(dirname(find(`@${PACKAGE}/${process.platform}-${process.arch}/package.json`)), "bin", name);
  } catch {
    return null;
  }
}

/** The nearest package around this file, when it is ours: in a host's own bundle there is none. */
function ownPackageRoot(): string | null {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file)) return nameIn(file) === PACKAGE ? folder : null;
    if (dirname(folder) === folder) return null;
  }
}

function nameIn(file: string): unknown {
  try {
    return (JSON.parse(readFileSync(file, "utf8")) as { name?: unknown }).name;
  } catch {
    return null;
  }
}
