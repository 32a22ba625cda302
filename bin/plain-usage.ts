/** What yargs finds wrong with the words behind a command, said as the rest of the command line says it. */
import { subcommandMessages as say } from "./subcommand-messages.js";

/**
 * One sentence for a message of yargs. `words` are those behind the command; `noSuchWord` says what is wrong with a
 * free word, `missing` what is said when one is missing. What is not known passes as it is, on one line.
 */
export function plainUsage(
  sentence: string,
  words: readonly string[],
  { noSuchWord, missing }: { noSuchWord: (word: string) => string; missing: () => string },
): string {
  const unknown = /^Unknown (?:argument|command)s?: ([^,]+)/.exec(sentence)?.[1];
  if (unknown !== undefined) {
    const option = words.find((word) => /^--?/.test(word) && word.replace(/^--?/, "").split("=")[0] === unknown);
    return option === undefined ? noSuchWord(unknown) : say.noSuchOption(option.split("=")[0] as string);
  }
  const withoutValue = /^Not enough arguments following: (\S+)/.exec(sentence)?.[1];
  if (withoutValue !== undefined)
    return say.noValue(withoutValue.length === 1 ? `-${withoutValue}` : `--${withoutValue}`);
  if (sentence.startsWith("Not enough non-option arguments")) return missing();
  const choice = /Argument: (\S+), Given: "(.*)", Choices: (.*)$/s.exec(sentence);
  if (choice !== null) {
    const [, name = "", given = "", choices = ""] = choice;
    return say.noSuchChoice(`--${name}`, given, choices.replaceAll('"', ""));
  }
  return sentence.replace(/\s*\n\s*/g, " ");
}
