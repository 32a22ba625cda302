/** `kernel info`, `demo`, `mcp`, `login`, `logout`: everything that is not a mode, parsed by yargs, far from the wire path. */
import yargs from "yargs";
import { subcommandMessages as say } from "./subcommand-messages.js";

/** Commands of the published command line that come later; they say so instead of being unknown. */
const LATER = ["acp", "export", "plugin", "web"];

/** Runs one subcommand and gives its exit code; `refuse` reports a wrong command line in one sentence. */
export async function runSubcommand(
  name: string,
  rest: readonly string[],
  refuse: (sentence: string) => number,
): Promise<number> {
  if (name === "help") {
    const { helpText } = await import("./help-text.js");
    process.stdout.write(helpText);
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
  if (name !== "info" && name !== "demo") return refuse(say.noSuchCommand(name));
  let code = 0;
  const parser = yargs([name, ...rest])
    .scriptName("kernel")
    .help(false)
    .version(false)
    .exitProcess(false)
    .strict()
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
    )
    .fail((sentence, error) => {
      throw error ?? new Error(sentence);
    });
  try {
    await parser.parseAsync();
    return code;
  } catch (error) {
    return refuse(plain(error instanceof Error ? error.message : String(error), rest));
  }
}

/** yargs names an unknown word in its own way; ours is the sentence of the rest of the command line. */
function plain(sentence: string, words: readonly string[]): string {
  const unknown = /^Unknown (?:argument|command)s?: ([^,]+)/.exec(sentence)?.[1];
  if (unknown === undefined) return sentence;
  const option = words.find((word) => /^--?/.test(word) && word.replace(/^--?/, "").split("=")[0] === unknown);
  return option === undefined ? say.noSuchCommand(unknown) : say.noSuchOption(option);
}
