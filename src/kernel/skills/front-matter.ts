/** The head of a SKILL.md. Simple `key: value` lines are read by hand, because every start reads them; else by YAML. */
import { parseYaml } from "../config/yaml-text.js";

export interface SplitText {
  /** The text between the two `---` lines; null without front matter. */
  head: string | null;
  body: string;
  /** True when front matter begins and does not end. */
  open: boolean;
}

const OPENING = /^---[ \t]*\r?\n/;
const CLOSING = /^(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/m;

/** Pure. */
export function splitFrontMatter(text: string): SplitText {
  const opening = OPENING.exec(text);
  if (opening === null) return { head: null, body: text, open: false };
  const rest = text.slice(opening[0].length);
  const closing = CLOSING.exec(rest);
  if (closing === null) return { head: null, body: "", open: true };
  return { head: rest.slice(0, closing.index), body: rest.slice(closing.index + closing[0].length), open: false };
}

/** The fields by name. Throws Error with a reason for what is not a YAML mapping. */
export async function readFields(head: string): Promise<Readonly<Record<string, unknown>>> {
  const simple = simpleFields(head);
  if (simple !== null) return simple;
  const document = (await parseYaml(head)) ?? {};
  if (typeof document !== "object" || Array.isArray(document)) throw new Error("it is not a list of keys and values");
  return document as Record<string, unknown>;
}

const LINE = /^([A-Za-z][\w-]*):(?:[ \t]+(.*))?$/;
/** What begins a YAML value that is more than plain words. */
const SPECIAL = /^[[\]{}>|&*!%@`#,?-]/;

/** null when YAML would or might read it differently. */
function simpleFields(head: string): Record<string, string> | null {
  const fields: Record<string, string> = {};
  for (const raw of head.split("\n")) {
    const line = raw.trimEnd();
    if (line === "" || line.startsWith("#")) continue;
    const match = LINE.exec(line);
    const key = match?.[1];
    if (key === undefined || Object.hasOwn(fields, key)) return null;
    const value = simpleValue((match?.[2] ?? "").trim());
    if (value === null) return null;
    fields[key] = value;
  }
  return fields;
}

function simpleValue(text: string): string | null {
  const quoted = /^"([^"\\]*)"$/.exec(text) ?? /^'([^']*)'$/.exec(text);
  if (quoted !== null) return quoted[1] ?? "";
  // An empty value may go on in the next lines, and null is not a text.
  if (text === "" || /^(~|null)$/i.test(text) || SPECIAL.test(text) || /^["']/.test(text)) return null;
  return /:(\s|$)|\s#/.test(text) ? null : text;
}
