/** Lines from a person: answers to what was asked, and what is typed unasked while a turn runs. */
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { LEAVE_PASTES, MARK_PASTES, PastedLines } from "./pasted-lines.js";
import { readPipedLines } from "./piped-lines.js";
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
  /** Edits lines on a terminal; null for a pipe. */
  readonly #editor: Interface | null;
  readonly #output: Writable;
  readonly #pasted = new PastedLines();
  readonly #queue: string[] = [];
  readonly #stop: () => void;
  #prompt = "";
  #waiting: ((line: string | null) => void) | null = null;
  #ended = false;
  #closing = false;

  constructor({ input, output, screen, onLine, onInterrupt, onEnd }: LineInputOptions) {
    this.#screen = screen;
    this.#output = output;
    if (input.isTTY !== true || !screen.isTerminal) {
      this.#editor = null;
      const take = (line: string): void => {
        if (!this.#settle(line)) this.#queue.push(line);
      };
      this.#stop = readPipedLines(input, { onLine: take, onEnd: () => void this.#end() });
      return;
    }
    // However late the second half of a line end comes, it is the same one.
    const editor = createInterface({ input, output, terminal: true, crlfDelay: Number.POSITIVE_INFINITY });
    this.#editor = editor;
    this.#stop = () => editor.close();
    editor.on("line", (text) => {
      if (this.#pasted.take(text)) {
        editor.setPrompt(MORE);
        editor.prompt(true);
        return;
      }
      editor.setPrompt(this.#prompt);
      const line = this.#pasted.end(text);
      if (this.#settle(line)) return;
      this.#screen.release(true);
      if (line.trim() !== "" && !onLine(line)) this.#queue.push(line);
    });
    editor.on("close", () => {
      if (!this.#closing) output.write("\n");
      if (!this.#end()) onEnd();
    });
    editor.on("SIGINT", () => {
      if (editor.line === "" && this.#pasted.isEmpty) {
        onInterrupt();
        return;
      }
      editor.write(null, { ctrl: true, name: "e" });
      editor.write(null, { ctrl: true, name: "u" });
      this.#dropPasted(editor);
      this.#typed(editor);
    });
    output.write(MARK_PASTES);
    // Before the editor echoes the first key: the words get a line of their own.
    input.prependListener("keypress", (text: string | undefined, key: Key | undefined) => {
      const isText = text !== undefined && text >= " " && text !== "\u007f" && key?.ctrl !== true && key?.meta !== true;
      if (isText && this.#waiting === null && editor.line === "") this.#screen.hold("");
    });
    input.on("keypress", (_text: string | undefined, key: Key | undefined) => {
      this.#pasted.key(key?.name);
      this.#typed(editor);
    });
  }

  get isTerminal(): boolean {
    return this.#editor !== null;
  }

  /** Asks for one line. null when the input has ended or `signal` aborts first. One caller at a time. */
  async next(prompt: string, signal?: AbortSignal): Promise<string | null> {
    const queued = this.#queue.shift();
    if (queued !== undefined) return queued;
    if (this.#ended || signal?.aborted === true) return null;
    const editor = this.#editor;
    // Somebody may be typing: what waited is written above, and the words stay.
    this.#screen.release((editor?.line ?? "") === "");
    this.#screen.status("");
    this.#screen.breakLine();
    const give = new Promise<string | null>((resolve) => {
      this.#waiting = resolve;
    });
    const giveUp = (): void => {
      if (editor !== null) this.#screen.line("");
      this.#settle(null);
    };
    signal?.addEventListener("abort", giveUp, { once: true });
    if (editor !== null) {
      this.#prompt = prompt;
      editor.setPrompt(this.#pasted.isEmpty ? prompt : MORE);
      editor.prompt(true);
    }
    const line = await give;
    signal?.removeEventListener("abort", giveUp);
    return line;
  }

  /** Runs `write` so that its lines stand above an open prompt and what is typed there. */
  showAbove(write: () => void): void {
    const editor = this.#waiting === null ? null : this.#editor;
    if (editor !== null) this.#screen.clearLine();
    write();
    editor?.prompt(true);
  }

  close(): void {
    if (this.isTerminal && !this.#closing) this.#output.write(LEAVE_PASTES);
    this.#closing = true;
    this.#stop();
  }

  /** Whether somebody waited. */
  #end(): boolean {
    this.#ended = true;
    this.#screen.release(true);
    return this.#settle(null);
  }

  #settle(line: string | null): boolean {
    const waiting = this.#waiting;
    if (waiting === null) return false;
    this.#waiting = null;
    this.#prompt = "";
    this.#editor?.setPrompt("");
    if (this.isTerminal) this.#screen.lineWasEnded();
    waiting(line);
    return true;
  }

  #dropPasted(editor: Interface): void {
    if (this.#pasted.isEmpty) return;
    this.#pasted.drop();
    editor.setPrompt(this.#prompt);
    editor.prompt(true);
  }

  /** A line that was emptied again gives the screen back. */
  #typed(editor: Interface): void {
    if (this.#waiting === null && editor.line === "" && this.#pasted.isEmpty) this.#screen.release(false);
  }
}
