/** Short forms of what tools are asked for and what they give back. Pure; nothing is made safe for a terminal here. */
import type { ContentPart, DiffBlock, DisplayBlock } from "../src/wire/generated/types.gen.js";
import { turnMessages as say } from "./turn-messages.js";

const MOST_CHARACTERS = 200;
const MOST_LINES = 8;
const MOST_DIFF_LINES = 40;

/** The arguments of a call on one line: the text itself when there is one only, else names and values. */
export function argumentSummary(json: string): string {
  const value = parsed(json);
  if (value === null) return oneLine(json);
  const entries = Object.entries(value);
  const [only] = entries;
  if (entries.length === 1 && typeof only?.[1] === "string") return oneLine(only[1]);
  return oneLine(entries.map(([name, item]) => `${name}=${JSON.stringify(item)}`).join(" "));
}

/** The text of a tool's output; media are named by their type. */
export function outputText(output: string | readonly ContentPart[]): string {
  if (typeof output === "string") return output;
  return output.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join("\n");
}

/** The first lines, indented, and how many there are beyond. "" for nothing. */
export function excerpt(text: string, most = MOST_LINES): string {
  const lines = text.replace(/\n+$/, "").split("\n");
  if (lines.length === 1 && lines[0] === "") return "";
  const shown = lines.slice(0, most).map((line) => `  ${cut(line)}`);
  if (lines.length > most) shown.push(`  ${say.moreLines(lines.length - most)}`);
  return shown.join("\n");
}

/** Lines for a display block; "" for one that says nothing beyond the call itself. */
export function displayText(block: DisplayBlock): string {
  if (isBlock(block, "diff")) return diffText(block);
  if (isBlock(block, "todo")) return block.items.map(({ status, title }) => say.task(status, title)).join("\n");
  return "";
}

/** A change with its unchanged lines around it, `-` and `+` before what goes and comes. */
export function diffText(diff: DiffBlock): string {
  if (diff.is_summary) return say.diffSummary(diff.path, diff.old_text, diff.new_text);
  const before = lines(diff.old_text);
  const after = lines(diff.new_text);
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  const room = Math.min(before.length, after.length) - head;
  while (tail < room && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const marked = [
    ...before.slice(0, head).map((line) => `  ${line}`),
    ...before.slice(head, before.length - tail).map((line) => `- ${line}`),
    ...after.slice(head, after.length - tail).map((line) => `+ ${line}`),
    ...after.slice(after.length - tail).map((line) => `  ${line}`),
  ];
  return `${say.diffHead(diff.path, diff.new_start)}\n${excerpt(marked.join("\n"), MOST_DIFF_LINES)}`;
}

/** Blocks of types that nobody knows have the same shape as the known ones, so the compiler cannot tell them apart. */
export function isBlock<T extends DisplayBlock["type"]>(
  block: DisplayBlock,
  type: T,
): block is Extract<DisplayBlock, { type: T }> {
  return block.type === type && !("data" in block);
}

function lines(text: string): string[] {
  return text === "" ? [] : text.split("\n");
}

function parsed(json: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json === "" ? "{}" : json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function oneLine(text: string): string {
  return cut(text.trim().replace(/\s*\n\s*/g, " ⏎ "));
}

function cut(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
