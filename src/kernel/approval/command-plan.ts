import { resolve } from "node:path";
import { type FormMatch, matchForm, possiblePaths } from "./command-forms.js";
import type { ParsedCommand } from "./command-parser.js";
import { PROGRAM_RULES } from "./command-rules.js";
import { interpreterScript, isInterpreter, isNeverGranted } from "./never-granted.js";
import { isWithin, judgePath, type Places } from "./path-guard.js";
import { type FileIdentity, type FindProgram, identifyFile } from "./program-lookup.js";
import type { SimpleCommand } from "./simple-command-tree.js";

/**
 * The narrowest pattern that a session grant knows for one command. Two commands are the same to a grant when their
 * patterns are equal. Keys are always written in this order.
 */
export interface CommandPattern {
  match: "pattern" | "exact";
  /** "pattern": the program and its pinned words. "exact": the whole argv. */
  argv: string[];
  /** Folder it runs in; null when the grant holds in every folder of the workspace. */
  cwd: string | null;
  /** The binary, and the script of an interpreter. Empty for what bash has built in. */
  files: FileIdentity[];
}

export interface CommandPlanDeps {
  places: Places;
  findProgram: FindProgram;
}

// Bash runs these before it looks at PATH.
const BUILTINS: ReadonlySet<string> = new Set(["echo", "false", "printf", "pwd", "test", "true", "type"]);
const MAX_ARGUMENTS = 200;

/**
 * What a grant would have to hold for a command line, one pattern a command without repeats; null when no grant can
 * cover it. A leading `cd` into the workspace needs none of its own. Never throws.
 */
export async function planCommandLine(
  parsed: ParsedCommand,
  cwd: string,
  deps: CommandPlanDeps,
): Promise<CommandPattern[] | null> {
  if (parsed.kind === "complex" || !(await judgePath(cwd, deps.places)).insideWorkspace) return null;
  const [first, ...rest] = parsed.commands;
  if (first === undefined) return null;
  let commands: readonly SimpleCommand[] = parsed.commands;
  let cwds = [cwd];
  if (first.argv[0] === "cd") {
    const target = await cdTarget(first.argv, cwd, deps.places);
    if (target === null) return null;
    // When the `cd` fails, what follows `;` or `||` runs where the line began, so both folders have to do.
    cwds = [target, cwd];
    commands = rest;
  }
  const patterns = new Map<string, CommandPattern>();
  for (const command of commands) {
    const pattern = await planCommand(command, cwds, deps);
    if (pattern === null) return null;
    patterns.set(patternKey(pattern), pattern);
  }
  return patterns.size === 0 ? null : [...patterns.values()];
}

/** A text that is equal for equal patterns only. */
export function patternKey(pattern: CommandPattern): string {
  const files = pattern.files.map((file) => [file.path, file.identity]);
  return JSON.stringify([pattern.match, pattern.argv, pattern.cwd, files]);
}

async function cdTarget(argv: readonly string[], cwd: string, places: Places): Promise<string | null> {
  const [, folder] = argv;
  if (argv.length !== 2 || folder === undefined || folder === "" || folder.startsWith("-")) return null;
  const target = resolve(cwd, folder);
  const verdict = await judgePath(target, places);
  return verdict.insideWorkspace && verdict.guard === null ? target : null;
}

async function planCommand(
  command: SimpleCommand,
  cwds: readonly string[],
  deps: CommandPlanDeps,
): Promise<CommandPattern | null> {
  const { argv, stdinPiped } = command;
  const [program, ...args] = argv;
  if (args.length > MAX_ARGUMENTS || isNeverGranted(program) || program === "cd") return null;
  const cwd = cwds[0] ?? deps.places.workDir;
  const binary = BUILTINS.has(program) ? null : await deps.findProgram(program, cwd);
  if (binary === null && !BUILTINS.has(program)) return null;
  const files = binary === null ? [] : [binary];

  const rules = PROGRAM_RULES.get(program);
  // A file of the workspace that is called like a known program is not that program.
  if (rules !== undefined && !(binary !== null && (await isInWorkspace(binary.path, deps.places)))) {
    const fit = matchForm(rules, args);
    if (fit === null || !(await pathsAllowed(fit.paths, cwds, deps.places))) return null;
    return patternOfForm(program, argv, fit, cwd, files);
  }
  // A link to a shell under another name. Not asked above: `ls` may well be a link to busybox.
  if (binary !== null && isNeverGranted(binary.path)) return null;
  if (program.includes("/") && (await judgePath(resolve(cwd, program), deps.places)).guard !== null) return null;
  // What an unknown program does with its stdin is not known, so its argv alone does not say what happens.
  if (stdinPiped || !(await pathsAllowed(args.flatMap(possiblePaths), cwds, deps.places))) return null;
  if (isInterpreter(program) || (binary !== null && isInterpreter(binary.path))) {
    const script = interpreterScript(argv);
    if (script === "unsafe") return null;
    if (script !== null) {
      const identity = await identifyFile(resolve(cwd, script));
      if (identity === null) return null;
      files.push(identity);
    }
  }
  return { match: "exact", argv: [...argv], cwd, files };
}

function patternOfForm(
  program: string,
  argv: readonly string[],
  fit: FormMatch,
  cwd: string,
  files: FileIdentity[],
): CommandPattern {
  if (fit.form.match === "exact") return { match: "exact", argv: [...argv], cwd, files };
  return { match: "pattern", argv: [program, ...fit.words], cwd: fit.form.anywhere ? null : cwd, files };
}

async function isInWorkspace(path: string, places: Places): Promise<boolean> {
  return isWithin(places.workDir, path) || (await judgePath(path, places)).insideWorkspace;
}

/** Every possible path, seen from every folder, stays in the workspace and names nothing guarded. */
async function pathsAllowed(paths: readonly string[], cwds: readonly string[], places: Places): Promise<boolean> {
  for (const path of paths) {
    // Bash does not expand a quoted `~`, but programs may.
    if (path.startsWith("~")) return false;
    for (const cwd of cwds) {
      const verdict = await judgePath(resolve(cwd, path), places);
      if (!verdict.insideWorkspace || verdict.guard === "control" || verdict.guard === "kernel_state") return false;
    }
  }
  return true;
}
