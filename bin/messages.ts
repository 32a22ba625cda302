/** Everything the command line says to people, in one place, so that other languages can be added. */
import type { RunMode } from "../src/kernel/config/kernel-flags.js";

const modeNames: Readonly<Record<RunMode, string>> = {
  wire: "Wire mode",
  acp: "ACP mode",
  print: "Print mode",
  shell: "The interactive shell",
};

export const messages = {
  version: (version: string) => `kernel, version ${version}`,
  notYet: (mode: RunMode) => `${modeNames[mode]} is not part of this version; use --wire.`,
  commandNotYet: (name: string) => `The command '${name}' is not part of this version.`,
  noSuchCommand: (name: string) => `No such command '${name}'.`,
  noSuchOption: (name: string) => `No such option: ${name}`,
  seeLogs: (file: string) => `See logs: ${file}`,
  infoDescription: "Show versions",
  demoDescription: "Run one prompt in a scratch folder and show what happens",
  resumeHint: (sessionId: string) => `\nTo resume this session: kernel -r ${sessionId}`,
  noWorkDir: "The current folder does not exist.",
  help: `Usage: kernel [OPTIONS]
       kernel info [--json]
       kernel demo [PROMPT]
       kernel login [--json] [--provider NAME] [--base-url URL] [--model ID] [--api-key-stdin]
       kernel logout [--json] [--provider NAME]
       kernel mcp add|list|remove|test|auth|reset-auth ...

An agent kernel that speaks the Wire protocol over stdin and stdout.

Mode
  --wire                      Serve one client on stdin and stdout
  --framing NAME              ndjson (default) or content-length
  --wire-compat VERSION       1.2 for clients that end at a message they do not know; off (default)

Session
  -w, --work-dir DIR          Folder to work in (default: the current one)
  --add-dir DIR               One more folder that counts as the workspace; may be repeated
  -S, --session ID            Resume this session, or create it; also --resume, -r
  -C, --continue              Resume the latest session of the folder

Model and configuration
  --config TEXT               Configuration as JSON or TOML text
  --config-file FILE          Configuration file, TOML or .json
  -m, --model NAME            Model to use, as named in the configuration
  --thinking, --no-thinking   Let the model think, or not

Behaviour
  -y, --yolo                  Approve everything; also --yes, --auto-approve
  --afk                       Nobody is there to answer
  --plan                      Begin in plan mode
  --agent NAME                default or okabe
  --agent-file FILE           Agent file
  --mcp-config-file FILE      MCP servers from a file; may be repeated
  --mcp-config JSON           MCP servers as text; may be repeated
  --skills-dir DIR            Folder with skills; may be repeated
  --max-steps-per-turn N      Model calls in one turn
  --max-retries-per-step N    Attempts of one model call
  --max-ralph-iterations N    Extra rounds after a turn, -1 for endless

Other
  --verbose, --debug          Write more to the log
  -V, --version               Show the version
  -h, --help                  Show this text

Environment: KERNEL_SHARE_DIR, KERNEL_BASE_URL, KERNEL_API_KEY, KERNEL_MODEL_NAME and the KIMI_ names of the same;
KERNEL_WIRE_COMPAT. KERNEL_LOGIN_API_KEY holds the key for login.
A flag is stronger than the environment, the environment stronger than the configuration file.
`,
} as const;

export const demoMessages = {
  model: (description: string) => `Model:   ${description}`,
  configuredModel: (name: string) => `${name} (from your configuration)`,
  foundServer: (kind: string, model: string, url: string) => `${model} on ${kind} at ${url}`,
  embeddedModel: "embedded script",
  ownModel: `         No model is configured and no local server answered, so a scripted model plays its part and
         says the same whatever you ask. Start llama-server, LM Studio, Ollama or vLLM, or name a model in
         ~/.kernel/config.toml (see README.md).`,
  scratch: (folder: string) => `Folder:  ${folder} (removed at the end)`,
  connected: (name: string, version: string) => `Kernel:  ${name} ${version}`,
  prompt: (text: string) => `Prompt:  ${text}\n`,
  finished: (status: string) => `\nThe turn ended: ${status}.`,
  failed: (reason: string, stderr: string) => `\nThe demo failed: ${reason}${stderr === "" ? "" : `\n${stderr}`}`,
  toolCall: (name: string, args: string) => `→ ${name} ${args}`,
  toolResult: (failed: boolean, message: string, output: string) =>
    [`${failed ? "✗" : "✓"} ${message}`.trimEnd(), output].filter((line) => line !== "").join("\n"),
  retry: (attempt: number, most: number) => `The model did not answer; attempt ${attempt} of ${most}.`,
  question: (description: string) => `? The kernel asks: ${description}`,
  answeredForYou: "  There is no keyboard here, so the demo approves.",
  answerPrompt: "  Allow it? y, n, or what to do instead: ",
} as const;
