/** What a skill is: instructions in a SKILL.md that a user calls up by name, some of them with a flow. */

export type SkillSource = "project" | "user" | "extra" | "bundled";

export interface Skill {
  readonly name: string;
  readonly description: string;
  /** "flow" only when its flow can run. */
  readonly kind: "standard" | "flow";
  readonly source: SkillSource;
  /** Absolute path of its file; null for a bundled one. */
  readonly file: string | null;
}

/** A skill or its flow that cannot be used, and why: the user is told when it is called. */
export interface SkillFault {
  readonly name: string;
  /** "flow": the skill works, its flow does not. */
  readonly what: "skill" | "flow";
  /** A whole sentence. */
  readonly reason: string;
}

export interface SkillSet {
  /** Sorted by name; names are unique. */
  readonly skills: readonly Skill[];
  readonly faults: readonly SkillFault[];
}

/** A skill larger than this is not instructions any more. Bytes. */
export const MAX_SKILL_BYTES = 256 * 1024;

/** The names that can be typed behind `/skill:`. */
const NAME = /^[A-Za-z0-9_-]+(?::[A-Za-z0-9_-]+)*$/;

/** True when a user can call a skill by this name. */
export function isCallableName(name: string): boolean {
  return name.length <= 100 && NAME.test(name);
}
