/** The `kernel` command. Picks a branch and loads only what that branch needs; the one place that ends the process. */
import { type ParsedFlags, parseFlags } from "../src/kernel/config/kernel-flags.js";
import { flushed } from "./flushed.js";
import { messages } from "./messages.js";

const USAGE_ERROR = 2;

/** Runs one command line and gives its exit code. */
async function runCommand(parsed: ParsedFlags): Promise<number> {
  switch (parsed.kind) {
    case "usage_error": {
      const { withHint } = await import("./usage-hint.js");
      return refuse(withHint(parsed.message));
    }
    case "help": {
      const { helpText } = await import("./help-text.js");
      process.stdout.write(helpText);
      return 0;
    }
    case "version": {
      const { KERNEL_VERSION } = await import("../src/kernel/version.js");
      process.stdout.write(`${messages.version(KERNEL_VERSION)}\n`);
      return 0;
    }
    case "command": {
      const { runSubcommand } = await import("./run-subcommand.js");
      return runSubcommand(parsed.name, parsed.rest, refuse);
    }
    case "run": {
      if (parsed.mode === "wire") {
        const { runWire } = await import("./run-wire.js");
        return runWire(parsed.flags);
      }
      if (parsed.mode === "acp") return refuse(messages.noAcp);
      if (parsed.mode === "print") {
        const { runPrint } = await import("./run-print.js");
        return runPrint(parsed.flags, parsed.argv);
      }
      if (!parsed.isChat && process.stdin.isTTY !== true) return refuse(messages.noMode);
      const { runChat } = await import("./run-chat.js");
      return runChat(parsed.flags, parsed.argv);
    }
  }
}

function refuse(sentence: string): number {
  process.stderr.write(`${sentence}\n`);
  return USAGE_ERROR;
}

function parseCommandLine(): ParsedFlags {
  try {
    return parseFlags(process.argv.slice(2), { cwd: process.cwd() });
  } catch {
    // Only process.cwd() throws here: the folder was removed.
    return { kind: "usage_error", message: messages.noWorkDir };
  }
}

// Drivers read stderr together with stdout, so Node's own warnings must not appear there.
process.removeAllListeners("warning");
// The streams as they are now: wire mode puts others in their place.
const { stdout, stderr } = process;
let lost: Error | null = null;
stdout.on("error", (error: Error) => {
  lost ??= error;
});
// Nobody is left to be told.
stderr.on("error", () => {});
// What the process says when it runs dry before a command has ended.
process.exitCode = 1;
// Not awaited: a module that waited for the whole run could not be imported by what is loaded later.
void run();

async function run(): Promise<never> {
  let code: number;
  const parsed = parseCommandLine();
  try {
    code = await runCommand(parsed);
  } catch (error) {
    stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    code = 1;
  }
  await Promise.all([flushed(stdout), flushed(stderr)]);
  // A client that left has ended its kernel in good order; whoever wanted text has not got it.
  const isServing = parsed.kind === "run" && parsed.mode === "wire";
  if (lost !== null && !isServing) code = await outputLost(lost, code);
  process.exit(code);
}

/** Says so, unless the reader simply went away, and gives the exit code: never 0. */
async function outputLost(error: Error, code: number): Promise<number> {
  const { isReaderGone, lostOutputCode } = await import("./stop-watch.js");
  if (!isReaderGone(error)) {
    stderr.write(`${messages.outputLost(error.message)}\n`);
    await flushed(stderr);
  }
  return code === 0 ? lostOutputCode(error) : code;
}
