/** Lines from a person: answers to what was asked, and what is typed unasked while a turn runs. */
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Screen } from "./screen.js";

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
  ctrl?: boolean;
  meta?: boolean;
}

/** The caller closes it. */
export class LineInput {
  readonly #screen: Screen;
  readonly #lines: Interface;
  readonly #isTerminal: boolean;
  readonly #queue: string[] = [];
  #waiting: ((line: string | null) => void) | null = null;
  #ended = false;
  #closing = false;

  constructor({ input, output, screen, onLine, onInterrupt, onEnd }: LineInputOptions) {
    this.#screen = screen;
    this.#isTerminal = input.isTTY === true && screen.isTerminal;
    this.#lines = createInterface({ input, ...(this.#isTerminal ? { output } : {}), terminal: this.#isTerminal });
    this.#lines.on("line", (line) => {
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
      if (this.#lines.line === "") {
        onInterrupt();
        return;
      }
      this.#lines.write(null, { ctrl: true, name: "e" });
      this.#lines.write(null, { ctrl: true, name: "u" });
      this.#typed();
    });
    if (!this.#isTerminal) return;
    // Before the editor echoes the first key: the words get a line of their own.
    input.prependListener("keypress", (text: string | undefined, key: Key | undefined) => {
      const isText = text !== undefined && text >= " " && text !== "\u007f" && key?.ctrl !== true && key?.meta !== true;
      if (isText && this.#waiting === null && this.#lines.line === "") this.#screen.hold("");
    });
    input.on("keypress", () => this.#typed());
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
      this.#lines.setPrompt(prompt);
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
    this.#closing = true;
    this.#lines.close();
  }

  #settle(line: string | null): boolean {
    const waiting = this.#waiting;
    if (waiting === null) return false;
    this.#waiting = null;
    this.#lines.setPrompt("");
    if (this.#isTerminal) this.#screen.lineWasEnded();
    waiting(line);
    return true;
  }

  /** A line that was emptied again gives the screen back. */
  #typed(): void {
    if (this.#waiting === null && this.#lines.line === "") this.#screen.release(false);
  }
}
