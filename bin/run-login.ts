/** `kernel login` and `kernel logout`: API keys of providers, said as sentences or, with --json, as one object a line. */
import { homedir } from "node:os";
import { resolveShareDir } from "../src/kernel/config/share-dir.js";
import { errorMessage } from "../src/kernel/errors.js";
import { login } from "../src/kernel/login/login.js";
import { LoginError } from "../src/kernel/login/login-error.js";
import { DEFAULT_PROVIDER } from "../src/kernel/login/login-target.js";
import { logout } from "../src/kernel/login/logout.js";
import { checkKey, type KeyProblem, readKey } from "./login-key.js";
import { loginMessages as messages } from "./login-messages.js";
import { runParser, subcommandParser } from "./subcommand-parser.js";

const ASK_TIMEOUT_MS = 15_000;
const STDIN_TIMEOUT_MS = 30_000;

const WORDS = { "parse-numbers": false, "camel-case-expansion": false, "dot-notation": false } as const;

/** Tells the user; `error` goes to stderr unless the lines are for a program. */
type Say = (type: "info" | "success" | "error", message: string, data?: Readonly<Record<string, unknown>>) => void;

/** Runs `login` or `logout` and gives its exit code; `refuse` reports a wrong command line in one sentence. */
export async function runLogin(
  name: "login" | "logout",
  rest: readonly string[],
  refuse: (sentence: string) => number,
): Promise<number> {
  let code = 0;
  const text = { type: "string", requiresArg: true } as const;
  const parser = subcommandParser([name, ...rest])
    .parserConfiguration({ ...WORDS, "duplicate-arguments-array": false })
    .option("json", { type: "boolean", default: false })
    .option("provider", { ...text, default: DEFAULT_PROVIDER })
    .command(
      "login",
      messages.loginDescription,
      (command) =>
        command
          .option("base-url", text)
          .option("model", text)
          .option("api-key-stdin", { type: "boolean", default: false }),
      async (flags) => {
        code = await runQuietly(flags.json, (say) =>
          storeKey(say, {
            provider: flags.provider,
            baseUrl: flags["base-url"] ?? null,
            model: flags.model ?? null,
            fromStdin: flags["api-key-stdin"],
          }),
        );
      },
    )
    .command(
      "logout",
      messages.logoutDescription,
      (command) => command,
      async (flags) => {
        code = await runQuietly(flags.json, (say) => removeKey(say, flags.provider));
      },
    );
  // A free word may be a key that was meant for stdin, so it is not repeated.
  const noSuchWord = (): string => messages.unexpectedWord;
  const mistake = await runParser(parser, rest, { noSuchWord, missing: noSuchWord });
  return mistake === null ? code : refuse(mistake);
}

interface KeyRequest {
  provider: string;
  baseUrl: string | null;
  model: string | null;
  fromStdin: boolean;
}

async function storeKey(say: Say, { fromStdin, ...request }: KeyRequest): Promise<void> {
  const given = fromStdin
    ? await readKey(process.stdin, STDIN_TIMEOUT_MS)
    : checkKey(process.env.KERNEL_LOGIN_API_KEY ?? "");
  if ("problem" in given) throw new Error(keyProblems[given.problem]);
  const outcome = await login({
    ...request,
    shareDir: shareDir(),
    apiKey: given.key,
    timeoutMs: ASK_TIMEOUT_MS,
    onAsking: (host) => say("info", messages.asking(host)),
  });
  const { provider, path, defaultModel, models } = outcome;
  if (outcome.rewritten) say("info", messages.rewritten(path));
  if (outcome.assumed !== null) say("info", messages.assumedSize(outcome.assumed.model, outcome.assumed.contextSize));
  if (!outcome.modelChosen) say("info", messages.otherDefault(defaultModel));
  say("success", messages.stored(provider, path, defaultModel), { provider, file: path, model: defaultModel, models });
}

async function removeKey(say: Say, provider: string): Promise<void> {
  const { changed, remaining } = logout({ shareDir: shareDir(), provider });
  if (changed?.rewritten === true) say("info", messages.rewritten(changed.path));
  if (remaining.length > 0) say("info", messages.remaining(remaining));
  say("success", changed === null ? messages.nothingStored(provider) : messages.removed(provider, changed.path), {
    provider,
    removed: changed !== null,
  });
}

const keyProblems: Readonly<Record<KeyProblem, string>> = {
  missing: messages.noKey,
  bad: messages.badKey,
  late: messages.keyTooLate,
};

/** Every failure is one sentence and exit code 1. */
async function runQuietly(json: boolean, work: (say: Say) => Promise<void>): Promise<number> {
  const say: Say = (type, message, data) => {
    const line = json ? JSON.stringify({ type, message, ...(data === undefined ? {} : { data }) }) : message;
    (type === "error" && !json ? process.stderr : process.stdout).write(`${line}\n`);
  };
  try {
    await work(say);
    return 0;
  } catch (error) {
    say("error", error instanceof LoginError ? messages.error(error.code, error.data) : errorMessage(error));
    return 1;
  }
}

function shareDir(): string {
  return resolveShareDir(process.env, homedir());
}
