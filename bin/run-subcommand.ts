/** `kernel info`, `demo`, `mcp`, `login`, `logout`: everything that is not a mode, parsed by yargs, far from the wire path. */
import { nearestWord } from "./nearest-word.js";
import { asksForHelp, subcommandHelp } from "./subcommand-help.js";
import { subcommandMessages as say } from "./subcommand-messages.js";
import { runParser, subcommandParser } from "./subcommand-parser.js";

/** Commands of the published command line that come later; they say so instead of being unknown. */
const LATER = ["acp", "export", "plugin", "web"];

/** What can stand there, and a word that people try. */
const COMMANDS = ["chat", "info", "demo", "login", "logout", "mcp", "help", "--version"];

/** Runs one subcommand and gives its exit code; `refuse` reports a wrong command line in one sentence. */
export async function runSubcommand(
  name: string,
  rest: readonly string[],
  refuse: (sentence: string) => number,
): Promise<number> {
  const help = name === "help" ? (subcommandHelp(rest[0] ?? "") ?? (await generalHelp())) : subcommandHelp(name);
  if (help !== null && (name === "help" || asksForHelp(rest))) {
    process.stdout.write(help);
    return 0;
  }
  if (LATER.includes(name)) return refuse(say.commandNotYet(name));
  if (name === "mcp") {
    const { runMcp } = await import("./run-mcp.js");
    return runMcp(rest, refuse);
  }
  if (name === "login" || name === "logout") {
    const { runLogin } = await import("./run-login.js");
    return runLogin(name, rest, refuse);
  }
  // Not left to yargs, which would speak of the options behind it.
  if (name !== "info" && name !== "demo") {
    const meant = nearestWord(name, COMMANDS);
    return refuse(meant === null ? say.noSuchCommand(name) : say.otherCommand(name, meant));
  }
  let code = 0;
  const parser = subcommandParser([name, ...rest])
    .scriptName("kernel")
    .command(
      "info",
      say.infoDescription,
      (command) => command.option("json", { type: "boolean", default: false }),
      async ({ json }) => {
        const { runInfo } = await import("./run-info.js");
        runInfo(json);
      },
    )
    .command(
      "demo [prompt..]",
      say.demoDescription,
      (command) => command.positional("prompt", { type: "string", array: true, default: [] as string[] }),
      async ({ prompt }) => {
        const { runDemo } = await import("./demo.js");
        code = await runDemo(prompt);
      },
    );
  const noSuchWord = (word: string): string => say.unexpectedWord(word, name);
  const mistake = await runParser(parser, rest, { noSuchWord, missing: (message) => message });
  return mistake === null ? code : refuse(mistake);
}

async function generalHelp(): Promise<string> {
  const { helpText } = await import("./help-text.js");
  return helpText;
}
