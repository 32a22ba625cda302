/** What is said about a running turn, in the chat, in print mode and in the demo. */
import type { HookEvent } from "../src/wire/generated/types.gen.js";

export const turnMessages = {
  call: (name: string, summary: string) => `→ ${name}${summary === "" ? "" : ` ${summary}`}`,
  result: (failed: boolean, name: string, seconds: number, message: string) => {
    const time = seconds >= 1 ? ` (${seconds.toFixed(1)} s)` : "";
    return `${failed ? "✗" : "✓"} ${name}${time}${message === "" ? "" : `: ${message}`}`;
  },
  /** One of the turn before, whose name this process has not seen. */
  earlierCall: "An earlier call",
  moreLines: (count: number) => `… ${count} more ${count === 1 ? "line" : "lines"}`,
  running: (name: string, seconds: number) => `… ${name} ${seconds} s`,
  /** `status` of HTTP, null without one. */
  retry: (attempt: number, most: number, seconds: number, status: number | null, hasSpoken: boolean) => {
    const next = `attempt ${attempt} of ${most} in ${seconds} s.`;
    if (hasSpoken) return `The model did not answer whole; ${next} What it has said so far is void.`;
    return `The model did not answer${status === null ? "" : ` (HTTP ${status})`}; ${next}`;
  },
  compacting: "The conversation is being shortened.",
  waitingForMcp: "Waiting for MCP servers.",
  mcpFailed: (name: string) =>
    `The MCP server '${name}' failed; its tools are missing. To see why: kernel mcp test ${name}`,
  mcpUnauthorized: (name: string) =>
    `The MCP server '${name}' wants to be allowed first; its tools are missing: kernel mcp auth ${name}`,
  plan: (file: string) => `Plan (${file}):`,
  steered: (text: string) => `The model has read: ${text}`,
  blocked: (event: HookEvent, reason: string) => `A hook of ${event} said no: ${reason}`,
  notification: (title: string, body: string) => (body === "" ? title : `${title}\n${body}`),
  subagent: (name: string, text: string) => `  [${name}] ${text}`,
  task: (status: string, title: string) => `${{ done: "[x]", in_progress: "[>]" }[status] ?? "[ ]"} ${title}`,
  diffHead: (path: string, line: number) => `${path}:${line}`,
  diffSummary: (path: string, before: string, after: string) => `${path}: ${before} -> ${after}`,
  stopping: "Stopping. Ctrl-C again leaves at once.",
  cancelled: "Stopped.",
  maxSteps: (steps: number) => `The turn used up its ${steps} steps; say "go on" to continue.`,
  configTypo: (key: string, meant: string) =>
    `The configuration has the unknown key ${key}, which is ignored. Did you mean ${meant}?`,
  kernelRestarting: (cause: string) => `The kernel ended (${cause}); starting another.`,
  kernelNotStarted: (cause: string | null) =>
    `The kernel could not be started${cause === null ? "" : ` (${cause})`}; trying another.`,
  kernelReady: (isInside: boolean, goesOn: boolean) =>
    `${isInside ? "The kernel now runs inside this process" : "The kernel is back"}${goesOn ? " and goes on with the turn" : ""}.`,
  kernelFailed: (cause: string) => `The kernel ended (${cause}), and no other could be started.`,
  unknownEffects: (count: number) =>
    count === 1
      ? "A call was cut short, and nobody knows whether it took effect. Look before it runs again."
      : `${count} calls were cut short, and nobody knows whether they took effect. Look before they run again.`,
  noKernelReason: "no reason is known",
  killedBy: (signal: string) => `killed by ${signal}`,
  exitCode: (code: number) => `exit code ${code}`,
  deaths: {
    exit: "it left",
    signal: "it was killed",
    eof: "it closed its output",
    write_failed: "it takes no input",
    hung: "it did not answer any more",
    lost_turn: "it lost its turn",
    out_of_memory: "out of memory",
    bad_output: "its output could not be read",
    start_failed: "it could not be started",
  },
} as const;
