/**
 * Finds skills. It runs before initialize is answered, so it reads the first 4 KB of each file and no more than it
 * must, and what is wrong with one skill never hides the others.
 */
import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { FileReadError, readBounded, readWhole } from "../bounded-file.js";
import { errorMessage } from "../errors.js";
import { BUNDLED_SKILLS } from "./bundled-skills.js";
import { readFields, splitFrontMatter } from "./front-matter.js";
import { isCallableName, MAX_SKILL_BYTES, type Skill, type SkillFault, type SkillSet } from "./skill.js";
import type { SkillRoot } from "./skill-roots.js";

const HEAD_BYTES = 4096;
/** A folder with more entries is no folder of skills. */
const MAX_ENTRIES = 1000;
const MAX_DESCRIPTION = 1024;
const NO_DESCRIPTION = "No description provided.";

/** All skills of these folders and the bundled ones; of several with one name the first counts. Never rejects. */
export async function discoverSkills(roots: readonly SkillRoot[]): Promise<SkillSet> {
  const found = new Map<string, Skill>();
  const faults: SkillFault[] = [];
  for (const root of roots) {
    for (const { fallback, file } of candidates(root.dir)) {
      const read = await readSkill(file, fallback, root.source);
      if (read === null) continue;
      const { skill, fault } = read;
      if (skill !== null && !found.has(skill.name.toLowerCase())) found.set(skill.name.toLowerCase(), skill);
      else if (skill !== null) continue;
      if (fault !== null) faults.push(fault);
    }
  }
  for (const { name, description } of BUNDLED_SKILLS) {
    if (found.has(name)) continue;
    found.set(name, { name, description, kind: "standard", source: "bundled", file: null });
  }
  const skills = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  // A broken skill does not matter when a weaker place has a good one of that name.
  return { skills, faults: faults.filter(({ name, what }) => what === "flow" || !found.has(name.toLowerCase())) };
}

interface Candidate {
  file: string;
  /** Its name when the file does not say one. */
  fallback: string;
}

function candidates(dir: string): Candidate[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries
    .filter((entry) => !entry.name.startsWith("."))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, MAX_ENTRIES)
    .flatMap((entry): Candidate[] => {
      const isFlat = !entry.isDirectory() && entry.name.endsWith(".md");
      if (isFlat) return [{ file: join(dir, entry.name), fallback: entry.name.slice(0, -".md".length) }];
      if (entry.isFile()) return [];
      return [{ file: join(dir, entry.name, "SKILL.md"), fallback: entry.name }];
    });
}

interface ReadSkill {
  skill: Skill | null;
  fault: SkillFault | null;
}

/** null: there is no skill at this place. */
async function readSkill(file: string, fallback: string, source: SkillRoot["source"]): Promise<ReadSkill | null> {
  const broken = (reason: string) => ({
    skill: null,
    fault: { name: fallback, what: "skill" as const, reason: `The skill ${fallback} cannot be used: ${reason}.` },
  });
  try {
    let { text, cut } = readBounded(file, HEAD_BYTES);
    let split = splitFrontMatter(text);
    if (split.open && cut) {
      text = readWhole(file, MAX_SKILL_BYTES);
      cut = false;
      split = splitFrontMatter(text);
    }
    if (split.open) return broken(`the front matter of ${file} has no closing ---`);
    const fields = await fieldsOf(split.head, file);
    const name = [textOf(fields.name), fallback].find((each) => each !== null && isCallableName(each)) ?? null;
    if (name === null) return broken(`a name may only have letters, digits, _ and - (${file})`);
    const description = (textOf(fields.description) ?? firstLine(split.body) ?? NO_DESCRIPTION)
      .replace(/\s+/g, " ")
      .slice(0, MAX_DESCRIPTION);
    const skill: Skill = { name, description, kind: "standard", source, file };
    if (textOf(fields.type)?.toLowerCase() !== "flow") return { skill, fault: null };
    return await withFlow(skill, cut ? readWhole(file, MAX_SKILL_BYTES) : text);
  } catch (error) {
    if (error instanceof FileReadError) return error.missing ? null : broken(`${file} ${error.message}`);
    return broken(errorMessage(error));
  }
}

async function fieldsOf(head: string | null, file: string): Promise<Readonly<Record<string, unknown>>> {
  if (head === null) return {};
  try {
    return await readFields(head);
  } catch (error) {
    throw new Error(`the front matter of ${file} is not valid YAML: ${errorMessage(error)}`, { cause: error });
  }
}

/** A flow that cannot run leaves an ordinary skill. */
async function withFlow(skill: Skill, text: string): Promise<ReadSkill> {
  const { parseFlow } = await import("../flows/parse-flow.js");
  try {
    parseFlow(text);
    return { skill: { ...skill, kind: "flow" }, fault: null };
  } catch (error) {
    const reason = `The flow ${skill.name} cannot run: ${errorMessage(error)}. /skill:${skill.name} works as an ordinary skill.`;
    return { skill, fault: { name: skill.name, what: "flow", reason } };
  }
}

function textOf(value: unknown): string | null {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}

function firstLine(body: string): string | null {
  return (
    body
      .split("\n")
      .map((line) => line.trim())
      .find((line) => line !== "") ?? null
  );
}
