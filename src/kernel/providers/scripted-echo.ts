/** The provider that plays scripts from a file, one a call: what the end-to-end tests drive the kernel with. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import type { ResolvedModel } from "../config/config.js";
import { KernelError } from "../errors.js";
import type { Logger } from "../logger.js";
import { echoError } from "./echo-payload.js";
import { streamEchoScript } from "./echo-stream.js";
import type { Capability, ChatProvider, ChatRequest, StreamEnd, StreamPart } from "./provider.js";

const NAMES = ["KERNEL_SCRIPTED_ECHO_SCRIPTS", "KIMI_SCRIPTED_ECHO_SCRIPTS"];
const TRACE_NAMES = ["KERNEL_SCRIPTED_ECHO_TRACE", "KIMI_SCRIPTED_ECHO_TRACE"];

/** Reads the script file that the environment names. Throws KernelError `start_failed` when there is none to play. */
export async function createScriptedEcho(resolved: ResolvedModel, logger: Logger): Promise<ChatProvider> {
  const path = firstSet(resolved.env, NAMES);
  if (path === "") throw new KernelError("start_failed", `${NAMES[1]} is required for _scripted_echo.`);
  const trace = /^(?:1|true|yes|on)$/i.test(firstSet(resolved.env, TRACE_NAMES).trim());
  return new ScriptedEcho(resolved, await loadScripts(path), trace ? logger : null);
}

class ScriptedEcho implements ChatProvider {
  readonly modelName = "scripted_echo";
  readonly capabilities: ReadonlySet<Capability>;
  readonly maxContextSize: number;
  readonly #scripts: readonly string[];
  readonly #trace: Logger | null;
  #turn = 0;

  constructor(resolved: ResolvedModel, scripts: readonly string[], trace: Logger | null) {
    this.capabilities = resolved.capabilities;
    this.maxContextSize = resolved.model.max_context_size;
    this.#scripts = scripts;
    this.#trace = trace;
  }

  async *stream(request: ChatRequest, signal: AbortSignal): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
    signal.throwIfAborted();
    const script = this.#scripts[this.#turn];
    if (script === undefined) throw echoError(`ScriptedEchoChatProvider exhausted at turn ${this.#turn + 1}.`);
    this.#turn++;
    this.#trace?.info({ turn: this.#turn }, `SCRIPTED_ECHO TURN ${this.#turn}: ${JSON.stringify(script)}`);
    request.onRequestSent?.();
    return yield* streamEchoScript(script, "ScriptedEchoChatProvider", signal);
  }
}

async function loadScripts(path: string): Promise<string[]> {
  const expanded = path === "~" || path.startsWith("~/") ? homedir() + path.slice(1) : path;
  let text: string;
  try {
    text = await readFile(expanded, "utf8");
  } catch (cause) {
    throw new KernelError("start_failed", `Scripted echo file not found: ${expanded}`, { cause });
  }
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return text
      .split("\n---\n")
      .map((script) => script.trim())
      .filter((script) => script !== "");
  }
  if (!Array.isArray(data) || !data.every((item) => typeof item === "string")) {
    throw new KernelError("start_failed", "Scripted echo JSON must be an array of strings.");
  }
  return data;
}

function firstSet(env: Readonly<Record<string, string>>, names: readonly string[]): string {
  for (const name of names) if (env[name]) return env[name];
  return "";
}
