/** yargs without a voice of its own: what it finds wrong with the words behind a command is said as everywhere else. */
import yargs, { type Argv } from "yargs";
import { errorMessage } from "../src/kernel/errors.js";
import { subcommandMessages as say } from "./subcommand-messages.js";

/** `noSuchWord` says what is wrong with a free word, `missing` what is said when one is missing. */
export interface UsageWords {
  noSuchWord: (word: string) => string;
  missing: (message: string) => string;
}

/** A strict parser of these words that prints nothing, ends nothing, and throws what is wrong. */
export function subcommandParser(words: readonly string[]): Argv {
  return yargs([...words])
    .detectLocale(false)
    .help(false)
    .version(false)
    .exitProcess(false)
    .strict()
    .fail((sentence, error) => {
      throw error ?? new Error(sentence);
    });
}

/** Runs the command that the parser finds. Gives null, or one sentence about what is wrong with the words behind it. */
export async function runParser(parser: Argv, words: readonly string[], usage: UsageWords): Promise<string | null> {
  try {
    await parser.parseAsync();
    return null;
  } catch (error) {
    return plainUsage(errorMessage(error), words, usage);
  }
}

/** One sentence for a message of yargs. What is not known passes as it is, on one line. */
function plainUsage(sentence: string, words: readonly string[], { noSuchWord, missing }: UsageWords): string {
  const unknown = /^Unknown (?:argument|command)s?: ([^,]+)/.exec(sentence)?.[1];
  if (unknown !== undefined) {
    const option = words.find((word) => /^--?/.test(word) && word.replace(/^--?/, "").split("=")[0] === unknown);
    return option === undefined ? noSuchWord(unknown) : say.noSuchOption(option.split("=")[0] as string);
  }
  const withoutValue = /^Not enough arguments following: (\S+)/.exec(sentence)?.[1];
  if (withoutValue !== undefined)
    return say.noValue(withoutValue.length === 1 ? `-${withoutValue}` : `--${withoutValue}`);
  if (sentence.startsWith("Not enough non-option arguments")) return missing(sentence);
  const choice = /Argument: (\S+), Given: "(.*)", Choices: (.*)$/s.exec(sentence);
  if (choice !== null) {
    const [, name = "", given = "", choices = ""] = choice;
    return say.noSuchChoice(`--${name}`, given, choices.replaceAll('"', ""));
  }
  return sentence.replace(/\s*\n\s*/g, " ");
}
