/** `kernel mcp`: which MCP servers there are, whether they work, and the access to those that want it. */
import type { Argv } from "yargs";
import { addServer, listServers, removeServer } from "./mcp-entries.js";
import { mcpMessages as say } from "./mcp-messages.js";
import { subcommandMessages } from "./subcommand-messages.js";
import { runParser, subcommandParser } from "./subcommand-parser.js";

const WORDS = {
  "populate--": true,
  "parse-numbers": false,
  "parse-positional-numbers": false,
  "camel-case-expansion": false,
  "dot-notation": false,
  "boolean-negation": false,
  "greedy-arrays": false,
} as const;

/** Runs one action and gives its exit code; `refuse` reports a wrong command line in one sentence. */
export async function runMcp(rest: readonly string[], refuse: (sentence: string) => number): Promise<number> {
  let code = 0;
  const parser = subcommandParser(rest)
    .scriptName("kernel mcp")
    .parserConfiguration(WORDS)
    .demandCommand(1, say.noAction)
    .command(
      "add <name> [target..]",
      say.addDescription,
      (command) =>
        command
          .positional("name", { type: "string", demandOption: true })
          .positional("target", { type: "string", array: true, default: [] as string[] })
          .option("transport", { alias: "t", choices: ["stdio", "http"] as const, default: "stdio" as const })
          .option("env", { alias: "e", type: "string", array: true, default: [] as string[] })
          .option("header", { alias: "H", type: "string", array: true, default: [] as string[] })
          .option("auth", { alias: "a", choices: ["oauth"] as const }),
      ({ name, target, transport, env, header, auth, ...more }) => {
        const words = [...target, ...((more["--"] as string[] | undefined) ?? [])];
        addServer({ name, words, transport, env, header, oauth: auth === "oauth" });
      },
    )
    .command("list", say.listDescription, {}, () => listServers())
    .command("remove <name>", say.removeDescription, named, ({ name }) => {
      code = removeServer(name);
    })
    .command("test <name>", say.testDescription, named, async ({ name }) => {
      const { testServer } = await import("./mcp-connect.js");
      code = await testServer(name);
    })
    .command("auth <name>", say.authDescription, named, async ({ name }) => {
      const { authServer } = await import("./mcp-connect.js");
      code = await authServer(name);
    })
    .command("reset-auth <name>", say.resetAuthDescription, named, async ({ name }) => {
      const { resetAuth } = await import("./mcp-connect.js");
      code = resetAuth(name);
    });
  const [action = ""] = rest;
  const mistake = await runParser(parser, rest, {
    noSuchWord: (word) => (word === action ? say.noSuchAction(word) : subcommandMessages.unexpectedWord(word, "mcp")),
    missing: () => say.needsName(action),
  });
  return mistake === null ? code : refuse(mistake);
}

function named(command: Argv) {
  return command.positional("name", { type: "string", demandOption: true });
}
