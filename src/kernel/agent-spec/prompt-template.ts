/**
 * System texts of agent files: `${NAME}` stands for a fact of the session or an argument of the file, `$${NAME}` for
 * the characters themselves. The names that files for other kernels use mean the same here.
 */

/** What a session knows when it begins. */
export interface PromptFacts {
  workDir: string;
  additionalDirs: readonly string[];
  os: string;
  shell: string;
  /** YYYY-MM-DD; the time of day would break every prompt cache. */
  date: string;
  /** Bounded text of AGENTS.md; "" without one. */
  projectNotes: string;
  /** One line for each skill. */
  skills: string;
  /** Names in the work dir, one a line. */
  workDirListing: string;
}

const VARIABLES: Readonly<Record<string, (facts: PromptFacts) => string>> = {
  WORK_DIR: (facts) => facts.workDir,
  WORK_DIR_LS: (facts) => facts.workDirListing,
  ADDITIONAL_DIRS: (facts) => facts.additionalDirs.join("\n"),
  OS: (facts) => facts.os,
  SHELL: (facts) => facts.shell,
  DATE: (facts) => facts.date,
  AGENTS_MD: (facts) => facts.projectNotes,
  SKILLS: (facts) => facts.skills,
};

const ALIASES: Readonly<Record<string, string>> = { NOW: "DATE", ADDITIONAL_DIRS_INFO: "ADDITIONAL_DIRS" };
/** An argument that extends the kernel's own text; a template may leave it out. */
export const ROLE_ARGUMENT = "ROLE_ADDITIONAL";

const PLACEHOLDER = /\$?\$\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}/g;

/** Names in the template that are neither a fact nor among `args`, each once. */
export function unknownVariables(template: string, args: Readonly<Record<string, string>>): string[] {
  const names = [...template.matchAll(PLACEHOLDER)]
    .filter(([all]) => !all.startsWith("$$"))
    .map(([, name]) => name ?? "");
  const isKnown = (name: string) => Object.hasOwn(args, name) || name === ROLE_ARGUMENT || factOf(name) !== null;
  return [...new Set(names.filter((name) => !isKnown(name)))];
}

/** The text with everything filled in. Names that unknownVariables reports stay as they are. */
export function fillTemplate(template: string, args: Readonly<Record<string, string>>, facts: PromptFacts): string {
  return template.replace(PLACEHOLDER, (all, name: string) => {
    if (all.startsWith("$$")) return all.slice(1);
    if (Object.hasOwn(args, name)) return args[name] ?? "";
    return factOf(name)?.(facts) ?? (name === ROLE_ARGUMENT ? "" : all);
  });
}

function factOf(name: string): ((facts: PromptFacts) => string) | null {
  const plain = name.replace(/^(?:KIMI|KERNEL)_/, "");
  const known = ALIASES[plain] ?? plain;
  return Object.hasOwn(VARIABLES, known) ? (VARIABLES[known] ?? null) : null;
}
