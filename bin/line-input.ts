/** Lines from a person: answers to what was asked, and what is typed unasked while a turn runs. */
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { LEAVE_PASTES, MARK_PASTES, PastedLines } from "./pasted-lines.js";
import type { Screen } from "./screen.js";

/** Before each further line of a pasted text. */
const MORE = "… ";

export interface LineInputOptions {
  input: Readable & { isTTY?: boolean };
  output: Writable;
  screen: Screen;
  /**
   * A line that nobody has asked for; only on a terminal: from a pipe it waits until somebody asks, and so does one for
   * which this gives false.
   */
  onLine(line: string): boolean;
  /** Ctrl-C on a terminal, at an empty line. */
  onInterrupt(): void;
  /** The end of the input while nobody asks; only on a terminal. */
  onEnd(): void;
}

interface Key {
  name?: string;
  ctrl?: boolean;
  meta?: boolean;
}

/** What is pasted in several lines on a terminal is one line that holds line ends. The caller closes it. */
export class LineInput {
  readonly #screen: Screen;
  readonly #lines: Interface;
  readonly #isTerminal: boolean;
  readonly #output: Writable;
  readonly #pasted = new PastedLines();
  readonly #queue: string[] = [];
  #prompt = "";
  #waiting: ((line: string | null) => void) | null = null;
  #ended = false;
  #closing = false;

  constructor({ input, output, screen, onLine, onInterrupt, onEnd }: LineInputOptions) {
    this.#screen = screen;
    this.#isTerminal = input.isTTY === true && screen.isTerminal;
    this.#output = output;
    this.#lines = createInterface({
      ...{ input, ...(this.#isTerminal ? { output } : {}), terminal: this.#isTerminal },
      // However late the second half of a line end comes, it is the same one.
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    this.#lines.on("line", (text) => {
      if (this.#pasted.take(text)) {
        this.#lines.setPrompt(MORE);
        this.#lines.prompt(true);
        return;
      }
      this.#lines.setPrompt(this.#prompt);
      const line = this.#pasted.end(text);
      if (this.#settle(line)) return;
      if (!this.#isTerminal) {
        this.#queue.push(line);
        return;
      }
      this.#screen.release(true);
      if (line.trim() !== "" && !onLine(line)) this.#queue.push(line);
    });
    this.#lines.on("close", () => {
      this.#ended = true;
      if (this.#isTerminal && !this.#closing) output.write("\n");
      this.#screen.release(true);
      if (!this.#settle(null) && this.#isTerminal) onEnd();
    });
    this.#lines.on("SIGINT", () => {
      if (this.#lines.line === "" && this.#pasted.isEmpty) {
        onInterrupt();
        return;
      }
      this.#lines.write(null, { ctrl: true, name: "e" });
      this.#lines.write(null, { ctrl: true, name: "u" });
      this.#dropPasted();
      this.#typed();
    });
    if (!this.#isTerminal) return;
    output.write(MARK_PASTES);
    // Before the editor echoes the first key: the words get a line of their own.
    input.prependListener("keypress", (text: string | undefined, key: Key | undefined) => {
      const isText = text !== undefined && text >= " " && text !== "\u007f" && key?.ctrl !== true && key?.meta !== true;
      if (isText && this.#waiting === null && this.#lines.line === "") this.#screen.hold("");
    });
    input.on("keypress", (_text: string | undefined, key: Key | undefined) => {
      this.#pasted.key(key?.name);
      this.#typed();
    });
  }

  get isTerminal(): boolean {
    return this.#isTerminal;
  }

  /** Asks for one line. null when the input has ended or `signal` aborts first. One caller at a time. */
  async next(prompt: string, signal?: AbortSignal): Promise<string | null> {
    const queued = this.#queue.shift();
    if (queued !== undefined) return queued;
    if (this.#ended || signal?.aborted === true) return null;
    // Somebody may be typing: what waited is written above, and the words stay.
    this.#screen.release(this.#lines.line === "");
    this.#screen.status("");
    this.#screen.breakLine();
    const give = new Promise<string | null>((resolve) => {
      this.#waiting = resolve;
    });
    const giveUp = (): void => {
      if (this.#isTerminal) this.#screen.line("");
      this.#settle(null);
    };
    signal?.addEventListener("abort", giveUp, { once: true });
    if (this.#isTerminal) {
      this.#prompt = prompt;
      this.#lines.setPrompt(this.#pasted.isEmpty ? prompt : MORE);
      this.#lines.prompt(true);
    }
    const line = await give;
    signal?.removeEventListener("abort", giveUp);
    return line;
  }

  /** Runs `write` so that its lines stand above an open prompt and what is typed there. */
  showAbove(write: () => void): void {
    const isOpen = this.#isTerminal && this.#waiting !== null;
    if (isOpen) this.#screen.clearLine();
    write();
    if (isOpen) this.#lines.prompt(true);
  }

  close(): void {
    if (this.#isTerminal && !this.#closing) this.#output.write(LEAVE_PASTES);
    this.#closing = true;
    this.#lines.close();
  }

  #settle(line: string | null): boolean {
    const waiting = this.#waiting;
    if (waiting === null) return false;
    this.#waiting = null;
    this.#prompt = "";
    this.#lines.setPrompt("");
    if (this.#isTerminal) this.#screen.lineWasEnded();
    waiting(line);
    return true;
  }

  #dropPasted(): void {
    if (this.#pasted.isEmpty) return;
    this.#pasted.drop();
    this.#lines.setPrompt(this.#prompt);
    this.#lines.prompt(true);
  }

  /** A line that was emptied again gives the screen back. */
  #typed(): void {
    if (this.#waiting === null && this.#lines.line === "" && this.#pasted.isEmpty) this.#screen.release(false);
  }
}
