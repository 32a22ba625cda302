/**
 * The language of the rule tables: which flags and operands a program may have under a grant. Everything that a form
 * does not name is unsafe, so an abbreviated or unknown flag is unsafe too.
 */
export interface CommandForm {
  /** Words that follow the program. `*` is any one word that is no flag; the grant pins it. */
  readonly words: readonly string[];
  readonly shortFlags: ReadonlySet<string>;
  /** Short flags whose value may follow in the same word, `-n5`. */
  readonly shortValueFlags: ReadonlySet<string>;
  /** Long flags with their dashes, and words with one dash such as find's `-name`. A value may follow after `=`. */
  readonly longFlags: ReadonlySet<string>;
  /** `-5` is a count. */
  readonly countFlag: boolean;
  /** "pattern": any arguments that fit. "exact": the grant pins the whole argv. */
  readonly match: "pattern" | "exact";
  /** Only reads what its operands name, so a grant holds in every folder of the workspace. */
  readonly anywhere: boolean;
  /** Operands are text, not paths. */
  readonly text: boolean;
  /** Operands after `--` must not look like flags, because another program reads them. */
  readonly passesOn: boolean;
  readonly maxOperands: number;
  /** What the first operand has to look like. */
  readonly firstOperand: RegExp | null;
}

type FormOptions = Partial<
  Pick<CommandForm, "match" | "anywhere" | "text" | "passesOn" | "maxOperands" | "firstOperand">
>;

/**
 * A form from its words and its flags, both space separated. `-s` is a short flag, `-n#` a short flag with a value,
 * `-#` a count, every other word a long flag.
 */
export function form(words: string, flags: string, options: FormOptions = {}): CommandForm {
  const tokens = flags.split(" ").filter((token) => token !== "");
  const shorts = tokens.filter((token) => /^-[^-#]$/.test(token));
  const shortValues = tokens.filter((token) => /^-[^-]#$/.test(token));
  const longs = tokens.filter((token) => !shorts.includes(token) && !shortValues.includes(token) && token !== "-#");
  return {
    words: words.split(" ").filter((word) => word !== ""),
    shortFlags: new Set(shorts.map((token) => token.charAt(1))),
    shortValueFlags: new Set(shortValues.map((token) => token.charAt(1))),
    longFlags: new Set(longs),
    countFlag: tokens.includes("-#"),
    match: "pattern",
    anywhere: false,
    text: false,
    passesOn: false,
    maxOperands: Number.POSITIVE_INFINITY,
    firstOperand: null,
    ...options,
  };
}

export interface FormMatch {
  form: CommandForm;
  /** The words that follow the program, `*` filled in. */
  words: readonly string[];
  /** Parts of the arguments that may name a file. */
  paths: readonly string[];
}

/** The first form that the arguments (argv without the program) fit, or null. */
export function matchForm(forms: readonly CommandForm[], args: readonly string[]): FormMatch | null {
  for (const candidate of forms) {
    const words = args.slice(0, candidate.words.length);
    const fits = candidate.words.every((word, index) => {
      const given = words[index];
      return given !== undefined && (word === "*" ? !given.startsWith("-") && given !== "" : word === given);
    });
    const paths = fits ? fittingPaths(candidate, args.slice(words.length)) : null;
    if (paths !== null) return { form: candidate, words, paths };
  }
  return null;
}

function fittingPaths(candidate: CommandForm, args: readonly string[]): string[] | null {
  const paths: string[] = [];
  const operands: string[] = [];
  let onlyOperands = false;
  for (const argument of args) {
    if (!onlyOperands && argument === "--") onlyOperands = true;
    else if (!argument.startsWith("-") || argument === "-") operands.push(argument);
    else if (onlyOperands) {
      if (candidate.passesOn) return null;
      operands.push(argument);
    } else {
      if (!flagFits(candidate, argument)) return null;
      paths.push(...possiblePaths(argument));
    }
  }
  if (operands.length > candidate.maxOperands) return null;
  if (candidate.firstOperand !== null && !candidate.firstOperand.test(operands[0] ?? "")) return null;
  if (!candidate.text) paths.push(...operands.flatMap(possiblePaths));
  return paths;
}

function flagFits(candidate: CommandForm, argument: string): boolean {
  const name = argument.split("=", 1)[0] ?? argument;
  if (candidate.longFlags.has(name)) return true;
  if (argument.startsWith("--")) return false;
  if (candidate.countFlag && /^-\d+$/.test(argument)) return true;
  for (const letter of argument.slice(1)) {
    if (candidate.shortValueFlags.has(letter)) return true;
    if (!candidate.shortFlags.has(letter)) return false;
  }
  return true;
}

/**
 * Every part of an argument that a program might take for a path: the whole of it, what follows a `=`, `:`, `,` or
 * `@`, and what is attached to a short flag.
 */
export function possiblePaths(argument: string): string[] {
  const [head = argument] = argument.split(/[=:,@]/, 1);
  const parts = new Set([argument, head]);
  for (const match of argument.matchAll(/[=:,@]/g)) {
    const rest = argument.slice(match.index + 1);
    parts.add(rest);
    parts.add(rest.split(/[=:,@]/, 1)[0] ?? rest);
  }
  if (/^-[^-]/.test(head)) {
    parts.add(head.slice(2));
    const attached = head.search(/\/|~|\.\./);
    if (attached > 0) parts.add(head.slice(attached));
  }
  parts.delete("");
  return [...parts];
}
