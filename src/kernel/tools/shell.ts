import * as z from "zod/mini";
import { type RunEnd, runToEnd } from "../processes/run-to-end.js";
import { TaskRefused } from "./services/tasks.js";
import { createOutputBuffer, type OutputBuffer } from "./support/output-buffer.js";
import { startedTaskText, taskDisplay } from "./support/task-text.js";
import { visibleText } from "./support/visible-text.js";
import {
  type ApprovalAsk,
  defineTool,
  type ExecuteContext,
  type PreparedCall,
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
    run_in_background: z.optional(z.boolean()),
    description: z.optional(z.string().check(z.describe("if in background"))),
  })
  .check(({ value, issues }) => {
    const max = value.run_in_background === true ? MAX_BACKGROUND_S : MAX_FOREGROUND_S;
    if (value.timeout >= 1 && value.timeout <= max) return;
    const message = `expected 1 to ${max} seconds`;
    issues.push({ code: "custom", path: ["timeout"], input: value.timeout, message });
  });

/** Runs one command to its end, after which nothing of it lives on, or hands it to the background. */
export const shell = defineTool({
  name: "Shell",
  description: "Run a bash command in the working directory. No stdin; leftovers are killed.",
  parameters,
  listed: ["command", "timeout", "run_in_background", "description"],
  async prepare({ command, timeout, run_in_background, description }, context) {
    if (command.trim() === "") return toolError("Command cannot be empty.", "Empty command");
    if (run_in_background === true) return prepareInBackground(command, timeout, description ?? "", context);
    return {
      ask: askToRun(command, context.workDir, false),
      effect: "exec",
      async execute(run) {
        const output = createOutputBuffer();
        return resultOf(await runCommand(command, timeout, context, run, output), timeout, output);
      },
    };
  },
});

function prepareInBackground(
  command: string,
  timeoutS: number,
  description: string,
  { workDir, services: { tasks } }: ToolContext,
): PreparedCall | ToolReturn {
  if (tasks === null) return toolError("Nothing can run in the background here.", "Not supported");
  if (description.trim() === "") {
    return toolError("A background command needs a description.", "Description required");
  }
  return {
    ask: askToRun(command, workDir, true),
    effect: "exec",
    async execute({ effectId, onProcess }) {
      const request = { command, description: description.trim(), timeoutS, effectId };
      try {
        const task = await tasks.startCommand(onProcess === undefined ? request : { ...request, onProcess });
        return toolOk(startedTaskText(task), "Background task started.", [taskDisplay(task)]);
      } catch (error) {
        if (!(error instanceof TaskRefused)) throw error;
        return toolError(error.message, error.brief);
      }
    },
  };
}

function askToRun(command: string, cwd: string, background: boolean): ApprovalAsk {
  const shown = visibleCommand(command);
  const what = background ? "background command" : "command";
  return {
    action: `run ${what}`,
    description: `Run ${what} \`${shown}\``,
    display: [{ type: "shell", language: "bash", command: shown }],
    subject: { kind: "command", command, cwd, background },
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
