/**
 * Mermaid flowcharts, as far as flows need them: a header, nodes `id`, `id[..]`, `id(..)`, `id([..])`, `id{..}` and the
 * like, arrows `-->`, `-->|label|`, `-- label -->`. Comments, styles and groups are passed over.
 */
import { FlowError } from "./flow.js";
import { FlowDraft } from "./flow-draft.js";

const HEADER = /^(?:flowchart|graph)(?:\s+(?:TB|TD|BT|RL|LR))?\s*$/;
const DECORATION =
  /^(?:style|classDef|class|linkStyle|click|direction|subgraph)\s|^(?:end|accTitle|accDescr)\b[^[({-]*$/;
const ID = /^[A-Za-z0-9_]+(?:[-.][A-Za-z0-9_]+)*/;
const ARROW = /^(?:-{2,}>|={2,}>|-\.+->)\s*(?:\|([^|]*)\|)?/;
const TEXT_ARROW = /^(?:--|==)\s*([^\s->=|].*?)\s*(?:-{2,}>|={2,}>)/;
/** Longest first, so that `([` is not read as `(`. */
const BRACKETS = [
  ["([", "])"],
  ["((", "))"],
  ["[[", "]]"],
  ["{{", "}}"],
  ["[", "]"],
  ["(", ")"],
  ["{", "}"],
] as const;

/** Reads the diagram. Throws FlowError with the number of the line that it cannot read. */
export function readMermaid(source: string): FlowDraft {
  const draft = new FlowDraft();
  let hasHeader = false;
  source.split("\n").forEach((raw, i) => {
    const line = raw.trim();
    if (line === "" || line.startsWith("%%")) return;
    if (!hasHeader) {
      const header = line.split(";")[0] ?? "";
      if (!HEADER.test(header)) throw new FlowError(`line ${i + 1} of the diagram is not "flowchart" or "graph"`);
      hasHeader = true;
      readStatements(line.slice(header.length + 1), draft, i + 1);
    } else if (!DECORATION.test(line)) {
      readStatements(line, draft, i + 1);
    }
  });
  if (!hasHeader) throw new FlowError("the diagram is empty");
  return draft;
}

function readStatements(line: string, draft: FlowDraft, lineNumber: number): void {
  const fail = (at: string): never => {
    throw new FlowError(`line ${lineNumber} of the diagram cannot be read at "${at.slice(0, 40)}"`);
  };
  let rest = line.trim();
  while (rest !== "") {
    const first = readNode(rest) ?? fail(rest);
    draft.node(first.id, first.label);
    let from = first.id;
    rest = first.rest;
    for (;;) {
      rest = rest.trimStart();
      if (rest === "" || rest.startsWith(";")) break;
      const arrow = readArrow(rest) ?? fail(rest);
      const target = readNode(arrow.rest.trimStart()) ?? fail(arrow.rest);
      draft.node(target.id, target.label);
      draft.edge(from, target.id, arrow.label);
      from = target.id;
      rest = target.rest;
    }
    rest = rest.replace(/^[;\s]+/, "");
  }
}

function readArrow(text: string): { label: string | null; rest: string } | null {
  const match = ARROW.exec(text) ?? TEXT_ARROW.exec(text);
  if (match === null) return null;
  const label = unquote(match[1] ?? "");
  return { label: label === "" ? null : label, rest: text.slice(match[0].length) };
}

function readNode(text: string): { id: string; label: string | null; rest: string } | null {
  const id = ID.exec(text)?.[0];
  if (id === undefined) return null;
  const behind = text.slice(id.length);
  for (const [open, close] of BRACKETS) {
    if (!behind.startsWith(open)) continue;
    const end = labelEnd(behind, open.length, close);
    if (end === -1) return null;
    const label = unquote(behind.slice(open.length, end));
    return { id, label: label === "" ? null : label, rest: withoutClass(behind.slice(end + close.length)) };
  }
  return { id, label: null, rest: withoutClass(behind) };
}

/** Inside quotes brackets are ordinary characters. */
function labelEnd(text: string, from: number, close: string): number {
  const quoted = /^\s*"[^"]*"/.exec(text.slice(from));
  return text.indexOf(close, from + (quoted?.[0].length ?? 0));
}

function withoutClass(text: string): string {
  return text.replace(/^:::[\w-]+/, "");
}

function unquote(text: string): string {
  const trimmed = text.trim();
  const quoted = /^"([^"]*)"$/.exec(trimmed) ?? /^'([^']*)'$/.exec(trimmed);
  return (quoted?.[1] ?? trimmed).trim();
}
