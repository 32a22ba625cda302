// A small, fast client: spawns a kernel (or a floor) and stamps each line with the time at which it was read.
import { spawn } from "node:child_process";
import { once } from "node:events";

const EVENT_HEAD = '{"jsonrpc":"2.0","method":"event"';
const CLOSE_MS = 5_000;

/** Nanoseconds on the clock that all processes of this machine share. */
export const now = () => process.hrtime.bigint();

/** Milliseconds between two readings of `now`. */
export const msBetween = (from, to) => Number(to - from) / 1e6;

export class KernelSession {
  /** Just before the process was spawned. */
  spawnedAt;
  /** Event lines in order, with the time of the read that brought them; decoded as latin1, which is fast. */
  events = [];
  #child;
  #onEvent;
  #exited;
  #partial = "";
  #responses = new Map();
  #lastId = 0;
  #wake = () => {};
  #stderr = "";

  /** `command` is an argv. Nothing is sent yet. `onEvent` takes event lines as they come; they are not kept then. */
  constructor(command, { cwd, env }, onEvent = null) {
    const [program, ...args] = command;
    this.#onEvent = onEvent;
    this.spawnedAt = now();
    this.#child = spawn(program, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
    this.#exited = once(this.#child, "close");
    this.#child.stdin.on("error", () => {});
    this.#child.stderr.on("data", (chunk) => {
      this.#stderr += chunk;
    });
    this.#child.stdout.on("data", (chunk) => this.#read(chunk, now()));
    this.#exited.then(() => this.#wake());
  }

  get pid() {
    return this.#child.pid;
  }

  /** Sends one request. Gives its id and the time just before the write. */
  send(method, params) {
    const id = `b${++this.#lastId}`;
    const line = `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;
    const sentAt = now();
    this.#child.stdin.write(line);
    return { id, sentAt };
  }

  /** Waits for the answer to `id`: {result, at}. Throws on an error answer, on exit and after `waitMs`. */
  async response(id, waitMs = 30_000) {
    const deadline = Date.now() + waitMs;
    for (;;) {
      const found = this.#responses.get(id);
      if (found !== undefined) {
        if (found.message.error) throw new Error(`the kernel answered ${JSON.stringify(found.message.error)}`);
        return { result: found.message.result, at: found.at };
      }
      const left = deadline - Date.now();
      const gone = this.#child.exitCode !== null || this.#child.signalCode !== null;
      if (gone || left <= 0) throw new Error(`${gone ? "the kernel ended" : "no answer in time"}: ${this.#stderr}`);
      await this.#change(left);
    }
  }

  /** Sends and waits: {result, sentAt, at}. */
  async call(method, params, waitMs) {
    const { id, sentAt } = this.send(method, params);
    return { ...(await this.response(id, waitMs)), sentAt };
  }

  async initialize() {
    return await this.call("initialize", { protocol_version: "1.10", client: { name: "bench", version: "1" } });
  }

  /** Closes stdin and waits for the exit; kills what does not go. */
  async close() {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), CLOSE_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  async #change(ms) {
    let timer;
    await new Promise((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  #read(chunk, at) {
    const lines = (this.#partial + chunk.latin1Slice()).split("\n");
    this.#partial = lines.pop() ?? "";
    let answered = false;
    for (const line of lines) {
      if (line.startsWith(EVENT_HEAD)) {
        if (this.#onEvent === null) this.events.push({ line, at });
        else this.#onEvent(line);
        continue;
      }
      const message = JSON.parse(line);
      if (message.method !== undefined) continue;
      this.#responses.set(message.id, { message, at });
      answered = true;
    }
    if (answered) this.#wake();
  }
}

/** The text pieces among event lines, with the time of each. */
export function textPieces(events) {
  const pieces = [];
  for (const { line, at } of events) {
    const { type, payload } = JSON.parse(line).params;
    if (type === "ContentPart" && payload.type === "text") pieces.push({ text: payload.text, at });
  }
  return pieces;
}
