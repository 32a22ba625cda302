/** Splits a command line into options and the first free word. Knows names and arity only, not what they mean. */

/**
 * `optional` takes the next word unless it looks like an option, `words` unless it is one of the options; `list` and
 * `value` take it whatever it is.
 */
export interface OptionSpec {
  names: readonly string[];
  kind: "flag" | "value" | "list" | "optional" | "words";
  /** Names that switch a flag off. */
  off?: readonly string[];
}

export interface ReadArgv<K extends string> {
  /** The last of `--x` and `--no-x` that was given. */
  flags: ReadonlyMap<K, boolean>;
  /** Every value in order; "" for an optional one that was left out. The last counts where one is meant. */
  values: ReadonlyMap<K, readonly string[]>;
  /** The first word that is no option, and everything behind it. */
  command: { name: string; rest: readonly string[] } | null;
}

/** Reads `argv` (without program and script). Gives one plain sentence in `error` for what it does not understand. */
export function readArgv<K extends string>(
  argv: readonly string[],
  specs: Readonly<Record<K, OptionSpec>>,
): ReadArgv<K> | { error: string } {
  const options = namesOf(specs);
  const flags = new Map<K, boolean>();
  const values = new Map<K, string[]>();
  let at = 0;

  /** Applies one option; `attached` is the text after `=` or behind a short name. */
  const apply = (name: string, attached: string | null): string | null => {
    const option = options.get(name);
    if (option === undefined) return `No such option: ${name}`;
    if (option.kind === "flag") {
      if (attached !== null) return `Option '${name}' does not take a value.`;
      flags.set(option.key, option.on);
      return null;
    }
    let value = attached;
    const next = argv[at];
    const isData =
      option.kind === "optional"
        ? !next?.startsWith("-")
        : option.kind !== "words" || !options.has(next?.split("=")[0] ?? "");
    if (value === null && next !== undefined && isData) {
      value = next;
      at += 1;
    }
    if (value === null && option.kind !== "optional" && option.kind !== "words")
      return `Option '${name}' requires an argument.`;
    values.set(option.key, [...(values.get(option.key) ?? []), value ?? ""]);
    return null;
  };

  /** `-y`, `-wDIR`, `-w DIR`, `-yC`: flags may share one dash, a value ends the group. */
  const applyShort = (group: string): string | null => {
    for (let i = 1; i < group.length; i += 1) {
      const name = `-${group[i]}`;
      const rest = group.slice(i + 1);
      const isFlag = (options.get(name)?.kind ?? "flag") === "flag";
      const problem = apply(name, isFlag || rest === "" ? null : rest.replace(/^=/, ""));
      if (problem !== null) return problem;
      if (!isFlag) return null;
    }
    return null;
  };

  while (at < argv.length) {
    const word = argv[at] ?? "";
    at += 1;
    if (word === "--" || !word.startsWith("-") || word === "-") {
      const from = word === "--" ? at : at - 1;
      const name = argv[from];
      return { flags, values, command: name === undefined ? null : { name, rest: argv.slice(from + 1) } };
    }
    const equals = word.indexOf("=");
    const long = word.startsWith("--");
    const name = long && equals > 0 ? word.slice(0, equals) : word;
    const problem = long ? apply(name, equals > 0 ? word.slice(equals + 1) : null) : applyShort(word);
    if (problem !== null) return { error: problem };
  }
  return { flags, values, command: null };
}

interface NamedOption<K> {
  key: K;
  kind: OptionSpec["kind"];
  on: boolean;
}

function namesOf<K extends string>(specs: Readonly<Record<K, OptionSpec>>): ReadonlyMap<string, NamedOption<K>> {
  const result = new Map<string, NamedOption<K>>();
  for (const key in specs) {
    const { names, off, kind } = specs[key];
    for (const name of names) result.set(name, { key, kind, on: true });
    for (const name of off ?? []) result.set(name, { key, kind, on: false });
  }
  return result;
}
