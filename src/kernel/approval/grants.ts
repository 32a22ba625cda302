import { join, relative, sep } from "node:path";
import type { GrantSubject } from "../tools/tool.js";
import type { ParsedCommand } from "./command-parser.js";
import { type CommandPattern, type CommandPlanDeps, patternKey, planCommandLine } from "./command-plan.js";
import { showHiddenCharacters } from "./hidden-characters.js";
import { isWithin, judgePath, resolveLinks } from "./path-guard.js";

/** What a person allowed for the rest of a session, in one work dir. Plain JSON, kept in state.json under `grants`. */
export type Grant =
  | { kind: "command"; workDir: string; background: boolean; patterns: CommandPattern[] }
  | { kind: "edit"; workDir: string }
  | { kind: "fetch"; workDir: string; host: string }
  | { kind: "mcp"; workDir: string; server: string; tool: string }
  | { kind: "read_outside"; workDir: string; path: string };

export interface GrantDeps extends CommandPlanDeps {
  /** Never rejects. */
  parse(command: string): Promise<ParsedCommand>;
  /** Home folder of the user. */
  homeDir: string;
}

/**
 * The grant that approve_for_session makes for this subject, the narrowest that is of use; null when the approval can
 * only be for this once. Never rejects.
 */
export async function proposeGrant(subject: GrantSubject, deps: GrantDeps): Promise<Grant | null> {
  const workDir = deps.places.workDir;
  switch (subject.kind) {
    case "command": {
      const patterns = await planCommandLine(await deps.parse(subject.command), subject.cwd, deps);
      return patterns === null ? null : { kind: "command", workDir, background: subject.background, patterns };
    }
    case "edit":
      return (await isOpenToEdits(subject, deps)) ? { kind: "edit", workDir } : null;
    case "fetch": {
      const host = plainHost(subject.host);
      return host === "" ? null : { kind: "fetch", workDir, host };
    }
    case "mcp":
      return { kind: "mcp", workDir, server: subject.server, tool: subject.tool };
    case "task":
      return null;
    case "read_outside": {
      const { real, guard } = await judgePath(subject.path, deps.places);
      return real === null || guard === "control" || guard === "kernel_state"
        ? null
        : { kind: "read_outside", workDir, path: real };
    }
  }
}

/** True when this one grant covers the subject. Never rejects. */
export function covers(grant: Grant, subject: GrantSubject, deps: GrantDeps): Promise<boolean> {
  return coveredBy([grant], subject, deps);
}

/** True when the grants together cover all of the subject. Never rejects. */
export async function coveredBy(grants: readonly Grant[], subject: GrantSubject, deps: GrantDeps): Promise<boolean> {
  const wanted = await proposeGrant(subject, deps);
  return wanted !== null && (await grantsHold(grants, wanted, deps));
}

/**
 * True when the grants together hold what `wanted` (a proposal) would grant: each command of a line may be held by
 * another one. So nothing is covered that could not have been granted. Never rejects.
 */
export async function grantsHold(grants: readonly Grant[], wanted: Grant, deps: GrantDeps): Promise<boolean> {
  const here = grants.filter((grant) => grant.workDir === wanted.workDir);
  if (wanted.kind === "command") {
    const granted = new Set<string>();
    for (const grant of here) {
      if (grant.kind !== "command" || grant.background !== wanted.background) continue;
      for (const pattern of grant.patterns) granted.add(patternKey(pattern));
    }
    return wanted.patterns.every((pattern) => granted.has(patternKey(pattern)));
  }
  for (const grant of here) {
    if (await holds(grant, wanted, deps)) return true;
  }
  return false;
}

async function holds(grant: Grant, wanted: Grant, deps: GrantDeps): Promise<boolean> {
  if (grant.kind === "fetch" && wanted.kind === "fetch") return grant.host === wanted.host;
  if (grant.kind === "mcp" && wanted.kind === "mcp")
    return grant.server === wanted.server && grant.tool === wanted.tool;
  if (grant.kind === "read_outside" && wanted.kind === "read_outside") {
    return grant.path === wanted.path || (isWithin(grant.path, wanted.path) && !(await isBroad(grant.path, deps)));
  }
  return grant.kind === "edit" && wanted.kind === "edit";
}

/** A folder that holds the home, the workspace or the share folder is granted as itself only, without what is in it. */
async function isBroad(path: string, deps: GrantDeps): Promise<boolean> {
  const kept = [deps.homeDir, deps.places.workDir, deps.places.shareDir];
  const real = await Promise.all(kept.map((each) => resolveLinks(each).catch(() => each)));
  return real.some((each) => isWithin(path, each)) || path.split(sep).filter((part) => part !== "").length < 2;
}

async function isOpenToEdits(subject: { path: string; insideWorkspace: boolean }, deps: GrantDeps): Promise<boolean> {
  if (!subject.insideWorkspace) return false;
  const verdict = await judgePath(subject.path, deps.places);
  return verdict.insideWorkspace && verdict.guard === null;
}

function plainHost(host: string): string {
  return host.trim().toLowerCase().replace(/\.$/, "");
}

/** What a grant allows, in one phrase for a person. Hidden characters are written out. */
export function describeGrant(grant: Grant): string {
  return showHiddenCharacters(phrase(grant));
}

function phrase(grant: Grant): string {
  switch (grant.kind) {
    case "command": {
      const commands = grant.patterns.map((pattern) => describePattern(pattern, grant.workDir)).join("; ");
      return grant.background ? `in the background: ${commands}` : commands;
    }
    case "edit":
      return "edit files in the workspace";
    case "fetch":
      return `fetch from ${grant.host}`;
    case "mcp":
      return `call MCP tool \`${grant.tool}\` of server \`${grant.server}\``;
    case "read_outside":
      return `read \`${grant.path}\``;
  }
}

function describePattern(pattern: CommandPattern, workDir: string): string {
  const command = `\`${pattern.argv.map(quoted).join(" ")}\``;
  const way = pattern.cwd === null ? "" : relative(workDir, pattern.cwd);
  const place = way === "" ? "" : ` in \`${join(way)}\``;
  return pattern.match === "exact" ? `exactly ${command}${place}` : `${command} with any safe arguments${place}`;
}

function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./^-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
