/** The command line of `kernel`: which flags exist, what they mean, and what may not stand together. */
import path from "node:path";
import {
  choice,
  existingPath,
  fail,
  mcpConfig,
  mcpConfigFile,
  sessionId,
  UsageError,
  wholeNumber,
} from "./flag-values.js";
import { type OptionSpec, type ReadArgv, readArgv } from "./read-argv.js";

/** All paths are absolute; null where a flag was not given. */
export interface KernelFlags {
  workDir: string;
  addDirs: string[];
  /** Session to resume or to create; "" when the flag came without an id, which only a shell UI allows. */
  session: string | null;
  continue: boolean;
  /** Configuration text. */
  config: string | null;
  configFile: string | null;
  model: string | null;
  thinking: boolean | null;
  yolo: boolean;
  afk: boolean;
  /** No automatic approval, whatever flags, configuration and session say: for hosts that give less protection. */
  askAlways: boolean;
  plan: boolean;
  agent: "default" | "okabe" | null;
  agentFile: string | null;
  /** Parsed MCP configurations, those of files first. */
  mcpConfigs: Readonly<Record<string, unknown>>[];
  /** True when a file was named: mcp.json of the share folder does not count then. */
  mcpFileGiven: boolean;
  skillsDirs: string[];
  maxStepsPerTurn: number | null;
  maxRetriesPerStep: number | null;
  maxRalphIterations: number | null;
  framing: "ndjson" | "content-length";
  wireCompat: "1.2" | "off" | null;
  /** Where print mode and the chat run their kernel; null: as the environment or the configuration says. */
  kernel: "auto" | "sidecar" | "in-process" | null;
  /** What print mode answers when it is asked. */
  approve: "deny" | "edits" | "all";
  /** "" or "-" mean stdin; null when no prompt was given. */
  prompt: string | null;
  inputFormat: "text" | "stream-json" | null;
  outputFormat: "text" | "json" | "stream-json" | "wire" | null;
  finalMessageOnly: boolean;
  quiet: boolean;
  verbose: boolean;
  debug: boolean;
}

export type RunMode = "wire" | "acp" | "print" | "shell";

/** `argv` of a run is what was given, without the word `chat`, of which `isChat` tells. */
export type ParsedFlags =
  | { kind: "run"; mode: RunMode; flags: KernelFlags; argv: readonly string[]; isChat: boolean }
  | { kind: "version" }
  | { kind: "help" }
  | { kind: "command"; name: string; rest: readonly string[] }
  | { kind: "usage_error"; message: string };

const flag = (...names: string[]): OptionSpec => ({ names, kind: "flag" });
const value = (...names: string[]): OptionSpec => ({ names, kind: "value" });
const list = (...names: string[]): OptionSpec => ({ names, kind: "list" });

/** Every option by its key. */
export const kernelOptions = {
  wire: flag("--wire"),
  workDir: value("--work-dir", "-w"),
  addDir: list("--add-dir"),
  session: { names: ["--session", "-S", "--resume", "-r"], kind: "optional" },
  continue: flag("--continue", "-C"),
  config: value("--config"),
  configFile: value("--config-file"),
  model: value("--model", "-m"),
  thinking: { names: ["--thinking"], off: ["--no-thinking"], kind: "flag" },
  yolo: flag("--yolo", "--yes", "-y", "--auto-approve"),
  afk: flag("--afk"),
  askAlways: flag("--ask-always"),
  plan: flag("--plan"),
  agent: value("--agent"),
  agentFile: value("--agent-file"),
  mcpConfigFile: list("--mcp-config-file"),
  mcpConfig: list("--mcp-config"),
  skillsDir: list("--skills-dir"),
  maxSteps: value("--max-steps-per-turn"),
  maxRetries: value("--max-retries-per-step"),
  maxRalph: value("--max-ralph-iterations"),
  framing: value("--framing"),
  wireCompat: value("--wire-compat"),
  kernel: value("--kernel"),
  approve: value("--approve"),
  prompt: value("--prompt", "--command", "-c"),
  promptOrStdin: { names: ["-p"], kind: "words" },
  print: flag("--print"),
  inputFormat: value("--input-format"),
  outputFormat: value("--output-format"),
  finalMessageOnly: flag("--final-message-only"),
  quiet: flag("--quiet"),
  acp: flag("--acp"),
  verbose: flag("--verbose"),
  debug: flag("--debug"),
  version: flag("--version", "-V"),
  help: flag("--help", "-h"),
} as const satisfies Record<string, OptionSpec>;

export type OptionKey = keyof typeof kernelOptions;
type Key = OptionKey;

/**
 * Reads `argv` (without program and script). Files and folders that are named must exist; `cwd` is where relative
 * ones begin and the default work dir. Never throws: a mistake is one plain sentence, to be shown with exit code 2.
 */
export function parseFlags(argv: readonly string[], { cwd }: { cwd: string }): ParsedFlags {
  const read = readArgv<Key>(argv, kernelOptions);
  if ("error" in read) return { kind: "usage_error", message: read.error };
  if (read.flags.get("help") === true) return { kind: "help" };
  if (read.flags.get("version") === true) return { kind: "version" };
  if (read.command !== null && read.command.name !== "chat") return { kind: "command", ...read.command };
  try {
    if (read.command !== null) {
      const chatAt = argv.length - read.command.rest.length - 1;
      return parseChat([...argv.slice(0, chatAt), ...read.command.rest], cwd);
    }
    const mode = modeOf(read);
    const flags = toFlags(read, cwd);
    refuseCombinations(read, mode);
    return { kind: "run", mode, flags, argv, isChat: false };
  } catch (error) {
    if (error instanceof UsageError) return { kind: "usage_error", message: error.message };
    throw error;
  }
}

/** `kernel chat` with its flags on either side: a shell, whatever else was asked for is a mistake. */
function parseChat(argv: readonly string[], cwd: string): ParsedFlags {
  const parsed = parseFlags(argv, { cwd });
  if (parsed.kind !== "run") return parsed;
  return parsed.mode === "shell"
    ? { ...parsed, isChat: true }
    : fail("kernel chat takes neither a prompt nor another mode.");
}

const exclusive: readonly (readonly [Key, string][])[] = [
  [
    ["print", "--print"],
    ["acp", "--acp"],
    ["wire", "--wire"],
  ],
  [
    ["quiet", "--quiet"],
    ["acp", "--acp"],
    ["wire", "--wire"],
  ],
  [
    ["agent", "--agent"],
    ["agentFile", "--agent-file"],
  ],
  [
    ["continue", "--continue"],
    ["session", "--session"],
  ],
  [
    ["config", "--config"],
    ["configFile", "--config-file"],
  ],
];

const isGiven = (read: ReadArgv<Key>, key: Key): boolean => read.flags.get(key) === true || read.values.has(key);

function modeOf(read: ReadArgv<Key>): RunMode {
  for (const group of exclusive) {
    const given = group.filter(([key]) => isGiven(read, key)).map(([, name]) => name);
    if (given.length > 1) fail(`Cannot combine ${given.join(", ")}.`);
  }
  if (isGiven(read, "wire")) return "wire";
  if (isGiven(read, "acp")) return "acp";
  const prints = ["print", "quiet", "prompt", "promptOrStdin"] as const;
  return prints.some((key) => isGiven(read, key)) ? "print" : "shell";
}

function refuseCombinations(read: ReadArgv<Key>, mode: RunMode): void {
  if (mode !== "shell" && read.values.get("session")?.at(-1) === "") {
    fail("--session without a session ID is only supported for shell UI");
  }
  if (mode !== "print" && mode !== "shell" && isGiven(read, "kernel"))
    fail("--kernel is only supported with -p and chat");
  if (mode === "print") return;
  if (isGiven(read, "approve")) fail("--approve is only supported for print UI");
  if (isGiven(read, "inputFormat")) fail("--input-format is only supported for print UI");
  if (isGiven(read, "outputFormat")) fail("--output-format is only supported for print UI");
  if (isGiven(read, "finalMessageOnly")) fail("--final-message-only is only supported for print UI");
}

function toFlags(read: ReadArgv<Key>, cwd: string): KernelFlags {
  const last = (key: Key): string | null => read.values.get(key)?.at(-1) ?? null;
  const all = (key: Key): readonly string[] => read.values.get(key) ?? [];
  const on = (key: Key): boolean => read.flags.get(key) === true;
  const folder = (given: string): string => existingPath(given, cwd, "Directory");
  const file = (given: string): string => existingPath(given, cwd, "File");
  const optionalFile = (key: Key): string | null => mapGiven(last(key), file);
  return {
    workDir: mapGiven(last("workDir"), folder) ?? path.resolve(cwd),
    addDirs: all("addDir").map(folder),
    session: mapGiven(last("session"), sessionId),
    continue: on("continue"),
    config: last("config"),
    configFile: optionalFile("configFile"),
    model: last("model"),
    thinking: read.flags.get("thinking") ?? null,
    yolo: on("yolo"),
    afk: on("afk"),
    askAlways: on("askAlways"),
    plan: on("plan"),
    agent: choice("--agent", last("agent"), ["default", "okabe"]),
    agentFile: optionalFile("agentFile"),
    mcpConfigs: [...all("mcpConfigFile").map((given) => mcpConfigFile(given, cwd)), ...all("mcpConfig").map(mcpConfig)],
    mcpFileGiven: isGiven(read, "mcpConfigFile"),
    skillsDirs: all("skillsDir").map(folder),
    maxStepsPerTurn: wholeNumber("--max-steps-per-turn", last("maxSteps"), 1),
    maxRetriesPerStep: wholeNumber("--max-retries-per-step", last("maxRetries"), 1),
    maxRalphIterations: wholeNumber("--max-ralph-iterations", last("maxRalph"), -1),
    framing: choice("--framing", last("framing"), ["ndjson", "content-length"]) ?? "ndjson",
    wireCompat: choice("--wire-compat", last("wireCompat"), ["1.2", "off"]),
    kernel: choice("--kernel", last("kernel"), ["auto", "sidecar", "in-process"]),
    approve: choice("--approve", last("approve"), ["deny", "edits", "all"]) ?? "deny",
    prompt: last("promptOrStdin") ?? last("prompt"),
    inputFormat: choice("--input-format", last("inputFormat"), ["text", "stream-json"]),
    outputFormat: choice("--output-format", last("outputFormat"), ["text", "json", "stream-json", "wire"]),
    finalMessageOnly: on("finalMessageOnly") || on("quiet"),
    quiet: on("quiet"),
    verbose: on("verbose"),
    debug: on("debug"),
  };
}

function mapGiven<T>(given: string | null, convert: (given: string) => T): T | null {
  return given === null ? null : convert(given);
}
