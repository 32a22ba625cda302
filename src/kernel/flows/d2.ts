/**
 * D2 diagrams, as far as flows need them: `a`, `a: label`, `a: |md ... |`, `a -> b -> c`, `a -> b: label`, `a <- b`.
 * Comments, properties (`a.shape: oval`, `{ ... }`), `direction` and the like are passed over.
 */
import { FlowError } from "./flow.js";
import { FlowDraft } from "./flow-draft.js";

const SETTINGS = /^(?:direction|vars|classes|layers|scenarios|steps|title|\.\.\.@?)\b/;
const PROPERTY =
  /^[^:]*\.(?:shape|style|label|class|near|icon|link|tooltip|width|height|constraint|source-arrowhead|target-arrowhead)\b/;
const ARROW = /(<->|->|<-|--)/;

interface Statement {
  text: string;
  line: number;
}

/** Reads the diagram. Throws FlowError with the number of the line that it cannot read. */
export function readD2(source: string): FlowDraft {
  const draft = new FlowDraft();
  for (const { text, line } of statements(source)) readStatement(text, line, draft);
  return draft;
}

function readStatement(text: string, line: number, draft: FlowDraft): void {
  if (SETTINGS.test(text) || PROPERTY.test(text)) return;
  const colon = topLevel(text, ":");
  const left = colon === -1 ? text : text.slice(0, colon);
  const label = colon === -1 ? null : labelOf(text.slice(colon + 1));
  const parts = splitArrows(left);
  const [first = ""] = parts;
  if (parts.length === 1) {
    draft.node(idOf(first, line), label);
    return;
  }
  for (let i = 1; i + 1 < parts.length; i += 2) {
    const from = idOf(parts[i - 1] ?? "", line);
    const to = idOf(parts[i + 1] ?? "", line);
    if (parts[i] === "->") draft.edge(from, to, label);
    else if (parts[i] === "<-") draft.edge(to, from, label);
    else throw new FlowError(`line ${line} of the diagram has an arrow without a direction`);
  }
}

/** Statements with the line they begin on; blocks of text are kept whole, blocks of properties are left out. */
function statements(source: string): Statement[] {
  const found: Statement[] = [];
  const lines = source.split("\n");
  for (let i = 0; i < lines.length; i += 1) {
    const begun = i + 1;
    let text = withoutComment(lines[i] ?? "").trim();
    const block = /:\s*(\|+)[a-z]*\s*$/.exec(text);
    if (block !== null) {
      const close = block[1] ?? "|";
      const inside: string[] = [];
      for (i += 1; i < lines.length && (lines[i] ?? "").trim() !== close; i += 1) inside.push(lines[i] ?? "");
      if (i >= lines.length) throw new FlowError(`line ${begun} of the diagram opens a text that never ends`);
      found.push({ text: `${text.slice(0, block.index)}: ${JSON.stringify(dedent(inside))}`, line: begun });
      continue;
    }
    if (text.endsWith("{")) {
      for (let depth = 1; depth > 0; ) {
        i += 1;
        if (i >= lines.length) throw new FlowError(`line ${begun} of the diagram opens a block that never ends`);
        const inner = withoutComment(lines[i] ?? "").trim();
        if (inner.endsWith("{")) depth += 1;
        if (inner.startsWith("}")) depth -= 1;
      }
      text = text.slice(0, -1).trim().replace(/:$/, "");
    }
    for (const piece of split(text, ";")) if (piece.trim() !== "") found.push({ text: piece.trim(), line: begun });
  }
  return found;
}

function withoutComment(line: string): string {
  const at = topLevel(line, "#");
  return at === -1 ? line : line.slice(0, at);
}

/** First place of `mark` outside quotes; -1 when there is none. */
function topLevel(text: string, mark: string): number {
  let quote = "";
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i] ?? "";
    if (quote !== "") {
      if (character === "\\") i += 1;
      else if (character === quote) quote = "";
    } else if (character === '"' || (character === "'" && !/\w/.test(text[i - 1] ?? ""))) quote = character;
    else if (character === mark) return i;
  }
  return -1;
}

function split(text: string, mark: string): string[] {
  const at = topLevel(text, mark);
  return at === -1 ? [text] : [text.slice(0, at), ...split(text.slice(at + 1), mark)];
}

function splitArrows(text: string): string[] {
  return text.split(ARROW).map((part) => part.trim());
}

function idOf(text: string, line: number): string {
  const id = unquote(text);
  if (id === "" || /[{}|]/.test(id)) throw new FlowError(`line ${line} of the diagram cannot be read`);
  return id;
}

/** null for an empty label; properties behind it are left out. */
function labelOf(text: string): string | null {
  const trimmed = text.trim();
  const brace = topLevel(trimmed, "{");
  const label = unquote(brace === -1 ? trimmed : trimmed.slice(0, brace).trim());
  const inline = /^\|[a-z]*\s(.*)\|$/.exec(label)?.[1]?.trim() ?? label;
  return inline === "" ? null : inline;
}

function unquote(text: string): string {
  const trimmed = text.trim();
  if (/^".*"$/s.test(trimmed)) {
    try {
      return String(JSON.parse(trimmed));
    } catch {
      return trimmed.slice(1, -1);
    }
  }
  return /^'.*'$/s.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
}

function dedent(lines: readonly string[]): string {
  const depths = lines.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length);
  const depth = Math.min(...depths, Number.MAX_SAFE_INTEGER);
  return lines
    .map((line) => line.slice(depth))
    .join("\n")
    .trim();
}
