/** The skills of one kernel: looked for once, and again when something is called that was not there. */
import { readWhole } from "../bounded-file.js";
import type { CommandInfo } from "../slash/command-list.js";
import { BUNDLED_SKILLS } from "./bundled-skills.js";
import { discoverSkills } from "./discover-skills.js";
import { MAX_SKILL_BYTES, type Skill, type SkillSet } from "./skill.js";
import { type SkillPlaces, skillRoots } from "./skill-roots.js";

export class SkillCatalog {
  readonly #places: SkillPlaces;
  #found: Promise<SkillSet> | null = null;

  constructor(places: SkillPlaces) {
    this.#places = places;
  }

  /** What was found first; looks when nobody has looked yet. Never rejects. */
  list(): Promise<SkillSet> {
    this.#found ??= discoverSkills(skillRoots(this.#places));
    return this.#found;
  }

  /** Looks again: a skill may have been written since. Never rejects. */
  refresh(): Promise<SkillSet> {
    this.#found = null;
    return this.list();
  }
}

/** The whole text of a skill without blanks at its ends. Throws FileReadError. */
export async function readSkillText({ name, file }: Skill): Promise<string> {
  if (file !== null) return readWhole(file, MAX_SKILL_BYTES).trim();
  return (await BUNDLED_SKILLS.find((bundled) => bundled.name === name)?.load())?.trim() ?? "";
}

/** The commands that call them: `skill:*` by name, then `flow:*`. A flow stands in both groups. */
export function skillCommandInfos({ skills }: SkillSet): CommandInfo[] {
  const info = (group: string) => (skill: Skill) => ({
    name: `${group}:${skill.name}`,
    description: skill.description,
    aliases: [],
  });
  return [...skills.map(info("skill")), ...skills.filter((skill) => skill.kind === "flow").map(info("flow"))];
}
