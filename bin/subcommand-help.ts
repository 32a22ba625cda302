/** What `kernel <command> --help` prints. */

const TEXTS: Readonly<Record<string, string>> = {
  info: `Usage: kernel info [--json]

Shows versions: of the published command line that is matched, of agent files and of the wire. --json adds this kernel's own.
`,
  demo: `Usage: kernel demo [PROMPT]

Runs one prompt in a scratch folder and shows what happens. Without a configured model and without a local model server
an embedded script plays the model.
`,
  login: `Usage: kernel login [--provider NAME] [--base-url URL] [--model ID] [--api-key-stdin] [--json]

Asks the provider for its models with the key, and stores the key in config.toml when that works. The key is taken from
KERNEL_LOGIN_API_KEY or from stdin, never from the command line.

  --provider NAME     Whose key it is, as named in the configuration
  --base-url URL      Its API, when the configuration does not say
  --model ID          The model to use from now on
  --api-key-stdin     Read the key from stdin
  --json              One JSON object a line, for programs
`,
  logout: `Usage: kernel logout [--provider NAME] [--json]

Removes the stored key of the provider from config.toml.
`,
  mcp: `Usage: kernel mcp add [-e NAME=VALUE]... NAME -- COMMAND [ARGUMENT]...
       kernel mcp add --transport http [-H NAME:VALUE]... [--auth oauth] NAME URL
       kernel mcp list
       kernel mcp remove NAME
       kernel mcp test NAME          connect to it and list its tools
       kernel mcp auth NAME          allow the access to a remote server that was added with --auth oauth
       kernel mcp reset-auth NAME    forget its tokens

The servers are kept in mcp.json of the share folder. add replaces an entry of the same name.

  -t, --transport NAME        stdio (default) or http
  -e, --env NAME=VALUE        For the command; may be repeated
  -H, --header NAME:VALUE     For the URL; may be repeated
  -a, --auth oauth            The URL wants a sign-in
`,
};

/** The text for a command; null for one that has none of its own. */
export function subcommandHelp(name: string): string | null {
  return Object.hasOwn(TEXTS, name) ? (TEXTS[name] as string) : null;
}

/** Whether the words behind a command ask for its help: `--help` or `-h` before a `--`, or `help` alone. */
export function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  const own = end === -1 ? words : words.slice(0, end);
  return (own.length === 1 && own[0] === "help") || own.some((word) => word === "--help" || word === "-h");
}
