import * as z from "zod/mini";
import { type RunEnd, runToEnd } from "../processes/run-to-end.js";
import { createOutputBuffer, type OutputBuffer } from "./support/output-buffer.js";
import { visibleText } from "./support/visible-text.js";
import {
  type ApprovalAsk,
  defineTool,
  type ExecuteContext,
  type ToolContext,
  type ToolReturn,
  toolError,
  toolOk,
} from "./tool.js";

const DEFAULT_S = 60;
const MAX_FOREGROUND_S = 300;
const MAX_BACKGROUND_S = 86_400;
const BRIEF_LINES = 5;

const parameters = z
  .object({
    command: z.string(),
    timeout: z._default(z.int().check(z.describe("seconds, max 300")), DEFAULT_S),
    run_in_background: z._default(z.boolean(), false),
    description: z._default(z.string(), ""),
  })
  .check(({ value, issues }) => {
    const max = value.run_in_background ? MAX_BACKGROUND_S : MAX_FOREGROUND_S;
    if (value.timeout >= 1 && value.timeout <= max) return;
    const message = `expected 1 to ${max} seconds`;
    issues.push({ code: "custom", path: ["timeout"], input: value.timeout, message });
  });

/** Runs one command to its end; nothing of it lives on afterwards. */
export const shell = defineTool({
  name: "Shell",
  description: "Run a bash command in the working directory. No stdin; processes left behind are killed.",
  parameters,
  listed: ["command", "timeout"],
  async prepare({ command, timeout, run_in_background }, context) {
    if (command.trim() === "") return toolError("Command cannot be empty.", "Empty command");
    if (run_in_background) return toolError("Background commands are not supported yet.", "Not supported");
    return {
      ask: askToRun(command, context.workDir),
      effect: "exec",
      async execute(run) {
        const output = createOutputBuffer();
        return resultOf(await runCommand(command, timeout, context, run, output), timeout, output);
      },
    };
  },
});

function askToRun(command: string, cwd: string): ApprovalAsk {
  const shown = visibleCommand(command);
  return {
    action: "run command",
    description: `Run command \`${shown}\``,
    display: [{ type: "shell", language: "bash", command: shown }],
    subject: { kind: "command", command, cwd, background: false },
  };
}

/** What a person decides by must show everything; line breaks and tabs are part of an ordinary command. */
function visibleCommand(command: string): string {
  return command
    .split(/([\n\t])/)
    .map((part) => (part === "\n" || part === "\t" ? part : visibleText(part)))
    .join("");
}

async function runCommand(
  command: string,
  timeoutS: number,
  context: ToolContext,
  run: ExecuteContext,
  output: OutputBuffer,
): Promise<RunEnd> {
  const runWith = (program: string) =>
    runToEnd(
      context.processes,
      {
        argv: [program, "-c", command],
        cwd: context.workDir,
        env: context.env,
        mergeOutput: true,
        onOutput: (chunk) => output.push(chunk),
        ...(run.onProcess === undefined ? {} : { onStarted: run.onProcess }),
      },
      { signal: run.signal, timeoutMs: timeoutS * 1000 },
    );
  try {
    return await runWith("bash");
  } catch (error) {
    // Nothing has run yet when a program is not found.
    if (run.signal.aborted || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return runWith("sh");
  }
}

function resultOf({ cause, exit }: RunEnd, timeoutS: number, output: OutputBuffer): ToolReturn {
  const text = output.text();
  if (cause === "timeout") {
    const limit = `(${timeoutS}s)`;
    return toolError(output.message(`Command killed by timeout ${limit}`), `Killed by timeout ${limit}`, text);
  }
  if (exit.code === 0) return toolOk(text, output.message("Command executed successfully."));
  const tail = output.lastLines(BRIEF_LINES);
  const brief = (head: string) => (tail === "" ? head : `${head}\n${tail}`);
  return exit.code === null
    ? toolError(output.message(`Command was killed by ${exit.signal}.`), brief(`Killed by ${exit.signal}`), text)
    : toolError(
        output.message(`Command failed with exit code: ${exit.code}.`),
        brief(`Failed with exit code: ${exit.code}`),
        text,
      );
}
