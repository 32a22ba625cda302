/** What is said about a running turn, in the chat, in print mode and in the demo. */
import type { HookEvent } from "../src/wire/generated/types.gen.js";

export const turnMessages = {
  call: (name: string, summary: string) => `→ ${name}${summary === "" ? "" : ` ${summary}`}`,
  result: (failed: boolean, name: string, seconds: number, message: string) => {
    const time = seconds >= 1 ? ` (${seconds.toFixed(1)} s)` : "";
    return `${failed ? "✗" : "✓"} ${name}${time}${message === "" ? "" : `: ${message}`}`;
  },
  moreLines: (count: number) => `… ${count} more ${count === 1 ? "line" : "lines"}`,
  running: (name: string, seconds: number) => `… ${name} ${seconds} s`,
  retry: (attempt: number, most: number, seconds: number) =>
    `The model did not answer whole; attempt ${attempt} of ${most} in ${seconds} s. What it has said so far is void.`,
  compacting: "The conversation is being shortened.",
  waitingForMcp: "Waiting for MCP servers.",
  plan: (file: string) => `Plan (${file}):`,
  steered: (text: string) => `The model has read: ${text}`,
  blocked: (event: HookEvent, reason: string) => `A hook of ${event} said no: ${reason}`,
  notification: (title: string, body: string) => (body === "" ? title : `${title}\n${body}`),
  subagent: (name: string, text: string) => `  [${name}] ${text}`,
  task: (status: string, title: string) => `${{ done: "[x]", in_progress: "[>]" }[status] ?? "[ ]"} ${title}`,
  diffHead: (path: string, line: number) => `${path}:${line}`,
  diffSummary: (path: string, before: string, after: string) => `${path}: ${before} -> ${after}`,
  cancelled: "Stopped.",
  noModel:
    "Name a model in config.toml of the share folder (see README.md), set KERNEL_BASE_URL and KERNEL_MODEL_NAME, or run kernel login.",
  maxSteps: (steps: number) => `The turn used up its ${steps} steps; say "go on" to continue.`,
  kernelRestarting: (cause: string) => `The kernel ended (${cause}); starting another.`,
  kernelNotStarted: (cause: string | null) =>
    `The kernel could not be started${cause === null ? "" : ` (${cause})`}; trying another.`,
  kernelReady: (mode: string, resumed: boolean) =>
    `The kernel is back (${mode})${resumed ? " and goes on with the turn" : ""}.`,
  kernelFailed: (cause: string) => `The kernel ended (${cause}), and no other could be started.`,
  unknownEffects: (ids: readonly string[]) =>
    `Nobody knows whether these calls ran: ${ids.join(", ")}. Look before you let them run again.`,
  noKernelReason: "no reason is known",
} as const;
