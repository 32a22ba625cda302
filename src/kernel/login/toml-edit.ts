/**
 * Changes single values of a TOML text and leaves every other byte alone. It knows the layout that people and programs
 * write by hand: headers and values of one line. The caller compares the result with what was meant.
 */
import { parse, stringify } from "smol-toml";

export type EditValue = string | number | readonly string[];

const BARE_KEY = /^[A-Za-z0-9_-]+$/;
const ONE_LINE_VALUE = /^("(?:[^"\\]|\\.)*"|'[^']*'|\[[^[\]]*\]|[^\s#"'[{]+)(\s*(?:#.*)?)$/;

/** Sets `key` in the table at `path` ([] for the top). Gives null where the layout is another one. */
export function setTomlValue(text: string, path: readonly string[], key: string, value: EditValue): string | null {
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = text.split(/\r?\n/);
  const section = findSection(lines, path);
  if (section === null) {
    const header = `[${path.map(headerKey).join(".")}]`;
    while (lines.at(-1)?.trim() === "") lines.pop();
    return [...lines, ...(lines.length === 0 ? [] : [""]), header, assignment(key, value), ""].join(newline);
  }
  const at = findKey(lines, section, key);
  if (at === null) {
    lines.splice(lastFilled(lines, section) + 1, 0, assignment(key, value));
    return lines.join(newline);
  }
  const line = lines[at] as string;
  const start = line.indexOf("=") + 1;
  const old = ONE_LINE_VALUE.exec(line.slice(start).trimStart());
  if (old === null) return null;
  lines[at] = `${line.slice(0, start)} ${valueText(value)}${old[2]}`;
  return lines.join(newline);
}

interface Section {
  /** First line behind the header, and the line of the next header. */
  from: number;
  to: number;
}

function findSection(lines: readonly string[], path: readonly string[]): Section | null {
  const headers = lines.flatMap((line, at) => (/^\s*\[/.test(line) ? [{ at, path: headerPath(line) }] : []));
  const first = { at: -1, path: [] as readonly string[] };
  const all = [first, ...headers];
  const index = all.findIndex((header) => header.path !== null && header.path.join("\0") === path.join("\0"));
  if (index < 0) return null;
  return { from: (all[index]?.at ?? 0) + 1, to: all[index + 1]?.at ?? lines.length };
}

/** null for what is no header of a plain table. */
function headerPath(line: string): string[] | null {
  if (/^\s*\[\[/.test(line)) return null;
  try {
    const path: string[] = [];
    let table: unknown = parse(line);
    for (;;) {
      const [key] = Object.keys(table as object);
      if (key === undefined) return path;
      path.push(key);
      table = (table as Record<string, unknown>)[key];
    }
  } catch {
    return null;
  }
}

function findKey(lines: readonly string[], { from, to }: Section, key: string): number | null {
  const spellings = [key, `"${key}"`, `'${key}'`];
  for (let at = from; at < to; at += 1) {
    const equals = lines[at]?.indexOf("=") ?? -1;
    if (equals > 0 && spellings.includes(lines[at]?.slice(0, equals).trim() ?? "")) return at;
  }
  return null;
}

/** The last line of the section with a value in it; the line of its header when there is none. */
function lastFilled(lines: readonly string[], { from, to }: Section): number {
  for (let at = to - 1; at >= from; at -= 1) {
    const line = lines[at]?.trim() ?? "";
    if (line !== "" && !line.startsWith("#")) return at;
  }
  return from - 1;
}

function assignment(key: string, value: EditValue): string {
  return `${headerKey(key)} = ${valueText(value)}`;
}

function headerKey(key: string): string {
  return BARE_KEY.test(key) ? key : valueText(key);
}

function valueText(value: EditValue): string {
  return stringify({ value }).trimEnd().slice("value = ".length);
}
