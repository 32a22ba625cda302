/** Writes skills, flows and agent files for a kernel under test. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Writes a file and the folders above it; gives its path. */
export function put(file: string, text: string): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** Writes `<root>/<folder>/SKILL.md` with simple front matter. */
export function putSkill(root: string, folder: string, fields: Record<string, string>, body = "Body text.\n"): string {
  const head = Object.entries(fields).map(([key, value]) => `${key}: ${value}\n`);
  return put(join(root, folder, "SKILL.md"), `---\n${head.join("")}---\n${body}`);
}

/** The text of a flow skill with this diagram. */
export function putFlow(root: string, name: string, diagram: string, language = "mermaid"): string {
  const body = `\`\`\`${language}\n${diagram}\n\`\`\`\n`;
  return putSkill(root, name, { name, description: `Flow ${name}`, type: "flow" }, body);
}
