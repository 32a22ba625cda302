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
