/** Where skills are looked for, strongest place first. */
import { statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { SkillSource } from "./skill.js";

export interface SkillPlaces {
  /** Absolute, like the others. */
  workDir: string;
  homeDir: string;
  shareDir: string;
  /** From --skills-dir: they stand in for the places of project and user. */
  skillsDirs: readonly string[];
  /** From the configuration; relative to the work dir, `~/` is the home folder. */
  extraDirs: readonly string[];
  /** False: of each group of folders only the first that exists counts. */
  mergeAll: boolean;
}

export interface SkillRoot {
  dir: string;
  source: Exclude<SkillSource, "bundled">;
}

const BRANDS = [".kernel", ".kimi", ".claude", ".codex"];
const GENERIC = [".config/agents", ".agents"];

/** The folders in order, each once. Reads only, to see what exists when it has to choose. */
export function skillRoots(places: SkillPlaces): SkillRoot[] {
  const { workDir, homeDir, shareDir } = places;
  const at = (base: string, names: readonly string[]) => names.map((name) => join(base, name, "skills"));
  const project = [at(workDir, BRANDS), at(workDir, GENERIC)];
  const user = [[join(shareDir, "skills"), ...at(homeDir, BRANDS)], at(homeDir, GENERIC)];
  const chosen = (groups: string[][]) => (places.mergeAll ? groups.flat() : groups.flatMap(firstExisting));
  const roots: SkillRoot[] = [];
  const add = (source: SkillRoot["source"], dirs: readonly string[]) => {
    for (const dir of dirs) if (!roots.some((root) => root.dir === dir)) roots.push({ dir, source });
  };
  if (places.skillsDirs.length > 0) {
    add("project", places.skillsDirs);
  } else {
    add("project", chosen(project));
    add("user", chosen(user));
  }
  add(
    "extra",
    places.extraDirs.map((dir) => expand(dir, workDir, homeDir)),
  );
  return roots;
}

function firstExisting(group: string[]): string[] {
  const found = group.find((dir) => statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true);
  return found === undefined ? [] : [found];
}

function expand(dir: string, workDir: string, homeDir: string): string {
  if (dir === "~" || dir.startsWith("~/")) return join(homeDir, dir.slice(1));
  return isAbsolute(dir) ? dir : resolve(workDir, dir);
}
