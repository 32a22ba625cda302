/** The skills that come with the kernel. Names and descriptions are data for initialize; texts load when called. */

export interface BundledSkill {
  readonly name: string;
  readonly description: string;
  readonly load: () => Promise<string>;
}

export const BUNDLED_SKILLS: readonly BundledSkill[] = [
  {
    name: "kernel-help",
    description: "How to use and configure this kernel: models, sessions, approvals, commands, files.",
    load: () => import("./bundled/kernel-help.js").then((module) => module.KERNEL_HELP),
  },
  {
    name: "skill-creator",
    description: "How to write a good skill or flow, and where to put it.",
    load: () => import("./bundled/skill-creator.js").then((module) => module.SKILL_CREATOR),
  },
];
