/** What goes behind an ordinary prompt: files that it names, and once in a conversation the list of skills. */
import type { ContentPart, Message } from "../messages.js";
import type { SkillCatalog } from "../skills/skill-catalog.js";
import type { PathScope } from "../tools/support/workspace-path.js";
import { mentionedFiles } from "./file-mentions.js";
import { skillNote } from "./skill-note.js";

/** Gives the parts for one prompt; `messages` is the conversation before it. The promise never rejects. */
export type PromptTail = (prompt: string, messages: readonly Message[]) => Promise<ContentPart[]>;

/** `tellSkills` false: the system text tells of them. */
export function promptTail(catalog: SkillCatalog, scope: PathScope, tellSkills: boolean): PromptTail {
  return async (prompt, messages) => {
    const files = prompt.includes("@") ? await mentionedFiles(prompt, scope) : [];
    const note = tellSkills ? skillNote(await catalog.list(), scope.workDir, messages) : null;
    return note === null ? files : [...files, note];
  };
}
