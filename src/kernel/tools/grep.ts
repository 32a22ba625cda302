import { realpath } from "node:fs/promises";
import { type RunEnd, runToEnd } from "../processes/run-to-end.js";
import { type GrepParameters, grepArguments, grepParameters } from "./grep-arguments.js";
import { createGrepWindow, type GrepWindow } from "./grep-window.js";
import { createOutputBuffer, type OutputBuffer } from "./support/output-buffer.js";
import { searchRoot } from "./support/search-root.js";
import { defineTool, type ToolContext, type ToolReturn, toolError, toolOk } from "./tool.js";

const LIMIT_S = 20;
const MAX_ERROR_CHARS = 2000;

/** Searches file contents with ripgrep. Files that .gitignore names are left out unless asked for. */
export const grep = defineTool({
  name: "Grep",
  description: "ripgrep; default: file names.",
  parameters: grepParameters,
  listed: ["pattern", "path", "glob", "output_mode", "-i", "-C"],
  async prepare(args, context) {
    const root = await searchRoot(args.path ?? ".", context);
    if ("isError" in root) return root;
    return {
      ask: root.ask,
      effect: "read",
      execute: async ({ signal }) => (await root.recheck()) ?? search(args, root.real, context, signal),
    };
  },
});

async function search(
  args: GrepParameters,
  target: string,
  context: ToolContext,
  signal: AbortSignal,
): Promise<ToolReturn> {
  const cwd = await realpath(context.workDir);
  const output = createOutputBuffer();
  const errors = createOutputBuffer({ maxChars: MAX_ERROR_CHARS });
  const window = createGrepWindow(args.offset, args.head_limit, output);
  const end = await runToEnd(
    context.processes,
    {
      argv: [await ripgrepPath(), ...grepArguments(args, target, cwd)],
      cwd,
      env: context.env,
      onOutput: (chunk, source) => (source === "stdout" ? window : errors).push(chunk),
    },
    { signal, timeoutMs: LIMIT_S * 1000, enough: window.full },
  );
  return resultOf(args, end, window, output, errors.text().trim());
}

/** The bundled ripgrep; where its package has no binary for the platform, the one on PATH. */
async function ripgrepPath(): Promise<string> {
  return import("@vscode/ripgrep").then(
    (ripgrep) => ripgrep.rgPath,
    () => "rg",
  );
}

function resultOf(
  args: GrepParameters,
  { cause, exit }: RunEnd,
  window: GrepWindow,
  output: OutputBuffer,
  errors: string,
): ToolReturn {
  const text = output.text();
  if (cause === "timeout") {
    const message = `Search stopped after ${LIMIT_S} s. Use a narrower path or glob.`;
    return toolError(output.message(message), "Search timed out", text);
  }
  // ripgrep: 0 found, 1 not found, 2 an error, perhaps of one file among many.
  const failed = cause === "exit" && exit.code !== 0 && exit.code !== 1;
  if (failed && window.lines === 0) {
    return toolError(errors === "" ? `ripgrep ended with ${exit.signal ?? exit.code}.` : errors, "Search failed");
  }
  if (window.lines === 0) {
    return toolOk("", window.skipped > 0 ? `No lines after offset ${args.offset}` : "No matches found");
  }
  const noun = args.output_mode === "content" ? "lines" : "files";
  const more = window.full.aborted ? ` There are more: use offset ${args.offset + window.lines}.` : "";
  const partly = failed ? " Some files could not be read." : "";
  return toolOk(text, output.message(`${window.lines} ${noun}.${more}${partly}`));
}
