/** The skills as the model is told of them: not in the prefix, but behind a user message, short and bounded. */
import { isAbsolute, relative } from "node:path";
import type { ContentPart, Message } from "../messages.js";
import type { SkillSet } from "../skills/skill.js";
import { visibleText } from "../tools/support/visible-text.js";

const HEAD = "<system>Skills of this user; when a task fits one, read its file first:";
const MAX_BYTES = 1_200;
const MAX_WORDS = 80;

/** One line for each skill that has a file, as many as fit; "" when there are none. */
export function skillLines({ skills }: SkillSet, workDir: string, maxBytes = MAX_BYTES): string {
  const lines: string[] = [];
  let bytes = 0;
  let left = 0;
  for (const { name, description, file } of skills) {
    if (file === null) continue;
    const way = relative(workDir, file);
    const place = way.startsWith("..") || isAbsolute(way) ? file : way;
    const line = `- ${name}: ${visibleText(cut(description))} (${visibleText(place)})`;
    bytes += Buffer.byteLength(line) + 1;
    if (bytes > maxBytes) left += 1;
    else lines.push(line);
  }
  if (left > 0) lines.push(`- and ${left} more that the user can name`);
  return lines.join("\n");
}

/** The note for a conversation that does not hold it; null when there is nothing to tell or it was told. */
export function skillNote(set: SkillSet, workDir: string, messages: readonly Message[]): ContentPart | null {
  const told = messages.some(
    ({ role, content }) =>
      role === "user" && content.some((part) => part.type === "text" && part.text.startsWith(HEAD)),
  );
  if (told) return null;
  const lines = skillLines(set, workDir);
  return lines === "" ? null : { type: "text", text: `${HEAD}\n${lines}</system>` };
}

function cut(text: string): string {
  const letters = [...text];
  return letters.length <= MAX_WORDS ? text : `${letters.slice(0, MAX_WORDS - 1).join("")}…`;
}
