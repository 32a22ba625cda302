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
// What the process says when it runs dry before a command has ended.
process.exitCode = 1;
// Not awaited: a module that waited for the whole run could not be imported by what is loaded later.
void run();

async function run(): Promise<never> {
  let code: number;
  try {
    code = await runCommand(parseCommandLine());
  } catch (error) {
    stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    code = 1;
  }
  await Promise.all([flushed(stdout), flushed(stderr)]);
  process.exit(code);
}
