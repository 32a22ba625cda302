/** Changes values of a configuration, as text. What else the user has written stays, comments too where that is possible. */
import { parse, stringify } from "smol-toml";
import { type EditValue, setTomlValue } from "./toml-edit.js";

export interface ConfigEdit {
  /** Keys from the top to the table; [] for the top itself. */
  path: readonly string[];
  key: string;
  value: EditValue;
}

export interface EditedText {
  text: string;
  /** True when the text had to be written anew: the values are all there, comments and layout are not. */
  rewritten: boolean;
}

/** Takes a text that parses. Throws when an edit meets something that is no table. */
export function editConfigText(text: string, format: "toml" | "json", edits: readonly ConfigEdit[]): EditedText {
  const source = text.startsWith("\uFEFF") ? text.slice(1) : text;
  if (format === "json") {
    const document = applyEdits(JSON.parse(source), edits);
    return { text: `${JSON.stringify(document, null, 2)}\n`, rewritten: false };
  }
  const wanted = applyEdits(parse(source), edits);
  const edited = editToml(source, edits);
  if (edited !== null && isSame(edited, wanted)) return { text: edited, rewritten: false };
  return { text: `${stringify(wanted)}\n`, rewritten: true };
}

type Table = Record<string, unknown>;

function applyEdits(document: unknown, edits: readonly ConfigEdit[]): Table {
  const root = tableOf(document);
  for (const { path, key, value } of edits) {
    let table = root;
    for (const step of path) {
      if (!Object.hasOwn(table, step)) put(table, step, {});
      table = tableOf(table[step]);
    }
    put(table, key, value);
  }
  return root;
}

/** Not an assignment: a key may be called `__proto__`. */
function put(table: Table, key: string, value: unknown): void {
  Object.defineProperty(table, key, { value, configurable: true, enumerable: true, writable: true });
}

function tableOf(value: unknown): Table {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("not a table");
  return value as Table;
}

function editToml(text: string, edits: readonly ConfigEdit[]): string | null {
  let edited: string | null = text;
  for (const { path, key, value } of edits) {
    if (edited !== null) edited = setTomlValue(edited, path, key, value);
  }
  return edited;
}

function isSame(text: string, wanted: Table): boolean {
  try {
    return canonical(parse(text)) === canonical(wanted);
  } catch {
    return false;
  }
}

/** JSON with sorted keys: the same text for the same values. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
