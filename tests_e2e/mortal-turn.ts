/** A turn whose kernel is killed under its host: a model outside that goes on where the conversation stands. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type HostOptions, type HostProcess, startHost } from "./host-process.js";
import {
  type ChatBody,
  callDelta,
  finish,
  type ModelServer,
  type Reply,
  startModelServer,
  textDelta,
  textReply,
} from "./model-server.js";
import { processesWithMark, until } from "./process-scan.js";
import { createWorkspace, type Workspace } from "./workspace.js";

/** What the model says before its call, in pieces, and behind it. */
export const WORDS = ["One ", "two ", "three ", "four."] as const;
export const LAST_WORDS = "All is said.";
/** What is in the file `effect` when the call has acted once. */
export const ONE_EFFECT = "ran\n";

/** Acts, then waits for the file `go`. */
const COMMAND = "echo ran >> effect; until [ -e go ]; do sleep 0.02; done";

let marks = 0;

export interface MortalTurnOptions {
  /** So many replies of text stop behind one more word, until the kernel that asked is gone. */
  cuts?: number;
  /** The first call waits for a kill. */
  holdsTool?: boolean;
  /** A second step with a call that needs an approval, before the last words. */
  hasSecondCall?: boolean;
  /** Keys of the configuration beside the model. */
  config?: Record<string, unknown>;
}

export interface MortalTurn {
  readonly workspace: Workspace;
  readonly model: ModelServer;
  readonly mark: string;
  /** Starts `kernel` with these words; all of its processes carry the mark. */
  start(args: readonly string[], options?: HostOptions): HostProcess;
  /** Waits until the kernel has recorded the first `count` words. */
  heard(count: number): Promise<void>;
  /** Waits until the call has acted. */
  acted(): Promise<void>;
  /** Lets the first call end. */
  letGo(): void;
  /** The kernels that run in a process of their own. */
  kernels(): number[];
  /** Sends the signal to the one kernel. */
  strike(signal?: NodeJS.Signals): void;
  /** What the first call has left, or the second; "" for nothing. */
  effect(file?: "effect" | "second"): string;
}

/** Makes the folders and starts the model; both end with the test. */
export async function mortalTurn(options: MortalTurnOptions): Promise<MortalTurn> {
  const { cuts = 0, holdsTool = false, hasSecondCall = false } = options;
  const mark = `mortal-${process.pid}-${++marks}`;
  let cutsLeft = cuts;
  const model = await startModelServer((body) => {
    const reply = replyTo(body, cutsLeft > 0, hasSecondCall);
    if (reply.isCut) cutsLeft -= 1;
    return reply.items;
  });
  const workspace = createWorkspace({ config: model.config(options.config) });
  const inWork = (name: string): string => join(workspace.workDir, name);
  const letGo = (): void => writeFileSync(inWork("go"), "");
  if (!holdsTool) letGo();
  const kernels = (): number[] =>
    processesWithMark(mark).flatMap((line) => (/ --wire /.test(line) ? [Number.parseInt(line, 10)] : []));
  const effect = (file = "effect"): string => (existsSync(inWork(file)) ? readFileSync(inWork(file), "utf8") : "");
  return {
    workspace,
    model,
    mark,
    effect,
    letGo,
    kernels,
    start: (args, options = {}) => startHost(workspace, args, { ...options, env: { E2E_MARK: mark, ...options.env } }),
    heard: (count) => {
      const word = JSON.stringify(WORDS[count - 1]);
      return until(`the kernel has recorded ${word}`, () => journalText(workspace).includes(word));
    },
    acted: () => until("the call has acted", () => effect() !== ""),
    strike: (signal = "SIGKILL") => {
      const [found, ...more] = kernels();
      if (found === undefined || more.length > 0) throw new Error(`not one kernel: ${found} ${more.join()}`);
      process.kill(found, signal);
    },
  };
}

function journalText({ share }: Workspace): string {
  const folder = join(share, "journal");
  if (!existsSync(folder)) return "";
  // What else lies there comes and goes: a journal that is about to be cut, the bytes that are kept back.
  return readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("");
}

/** A pure function of the conversation, but for the cut. */
function replyTo({ messages }: ChatBody, mayCut: boolean, hasSecond: boolean): { items: Reply; isCut: boolean } {
  const isPrompt = ({ role, content }: ChatBody["messages"][number]): boolean =>
    role === "user" && /^(go|.* now\?)$/.test(text(content));
  const turn = messages.slice(messages.findLastIndex(isPrompt));
  if (text(turn[0]?.content) !== "go") return { items: textReply("You said something else."), isCut: false };
  const results = turn.filter(({ role }) => role === "tool").length;
  if (results === 1 && hasSecond) {
    const second = callDelta("t2", "Shell", JSON.stringify({ command: "echo again >> second" }));
    return { items: [second, ...finish("tool_calls")], isCut: false };
  }
  if (results > 0) return { items: [textDelta(LAST_WORDS), ...finish("stop")], isCut: false };
  const said = turn
    .filter(({ role }) => role === "assistant")
    .map(({ content }) => text(content))
    .join("");
  const left = WORDS.filter((_, i) => WORDS.slice(0, i).join("").length >= said.length).map(textDelta);
  if (mayCut) return { items: [...left.slice(0, 1), new Promise(() => {})], isCut: true };
  const call = callDelta("t1", "Shell", JSON.stringify({ command: COMMAND }));
  return { items: [...left, call, ...finish("tool_calls")], isCut: false };
}

function text(content: unknown): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map((part: { text?: string }) => part.text ?? "").join("") : "";
}
