/** One place to write for a person: keeps lines whole, holds the status line, and lets no control character through. */
import type { Writable } from "node:stream";
import { visibleText } from "./visible-text.js";

export type Style = "plain" | "dim" | "bold" | "red";

const CODES: Readonly<Record<Exclude<Style, "plain">, readonly [on: string, off: string]>> = {
  dim: ["\u001b[2m", "\u001b[22m"],
  bold: ["\u001b[1m", "\u001b[22m"],
  red: ["\u001b[31m", "\u001b[39m"],
};
/** A terminal that does not know its width says 0. */
const ASSUMED_COLUMNS = 80;
const ERASE_LINE = "\r\u001b[2K";

export interface ScreenOptions {
  out: Writable & { isTTY?: boolean; columns?: number };
  env: Readonly<Record<string, string | undefined>>;
}

/** Whoever made it owns the stream. Status lines and colours are for terminals; NO_COLOR is respected. */
export class Screen {
  readonly isTerminal: boolean;
  readonly #out: ScreenOptions["out"];
  readonly #color: boolean;
  #midLine = false;
  #status = "";
  /** What waits while somebody types; null when nobody does. */
  #held: (() => void)[] | null = null;

  constructor({ out, env }: ScreenOptions) {
    this.#out = out;
    this.isTerminal = out.isTTY === true;
    this.#color = this.isTerminal && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";
  }

  /** Text that goes on where the last one ended. */
  stream(text: string, style: Style = "plain"): void {
    if (text === "") return;
    this.#later(() => {
      this.#eraseStatus();
      this.#out.write(this.#styled(visibleText(text), style));
      this.#midLine = !text.endsWith("\n");
    });
  }

  /** Lines of their own. */
  line(text: string, style: Style = "plain"): void {
    this.#later(() => {
      this.#eraseStatus();
      this.#endLine();
      this.#out.write(`${this.#styled(visibleText(text), style)}\n`);
    });
  }

  /** What comes next begins on a line of its own. */
  breakLine(): void {
    this.#later(() => this.#endLine());
  }

  /** Shown below until something else is written; "" takes it away. Nothing on a pipe. */
  status(text: string): void {
    if (!this.isTerminal || this.#held !== null) return;
    this.#eraseStatus();
    if (text === "" || this.#midLine) return;
    this.#status = visibleText(text)
      .replaceAll("\n", " ")
      .slice(0, Math.max(1, (this.#out.columns || ASSUMED_COLUMNS) - 1));
    this.#out.write(this.#styled(this.#status, "dim"));
  }

  /** Somebody begins to type: what is written from now on waits. `prompt` stands before the words. */
  hold(prompt: string): void {
    if (this.#held !== null) return;
    this.#eraseStatus();
    this.#endLine();
    this.#out.write(prompt);
    this.#held = [];
  }

  /** The line is done; what waited is written. `onNewLine` tells whether the cursor stands at the beginning of a line. */
  release(onNewLine: boolean): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    if (!onNewLine) this.#out.write(ERASE_LINE);
    this.#midLine = false;
    for (const write of held) write();
  }

  /** Takes away the line at which the cursor stands. */
  clearLine(): void {
    if (this.isTerminal) this.#out.write(ERASE_LINE);
    this.lineWasEnded();
  }

  /** Somebody else wrote on the line, as an editor of input does, and left the cursor at the beginning of a new one. */
  lineWasEnded(): void {
    this.#midLine = false;
    this.#status = "";
  }

  #later(write: () => void): void {
    if (this.#held === null) write();
    else this.#held.push(write);
  }

  #endLine(): void {
    if (this.#midLine) this.#out.write("\n");
    this.#midLine = false;
  }

  #eraseStatus(): void {
    if (this.#status !== "") this.#out.write(ERASE_LINE);
    this.#status = "";
  }

  #styled(text: string, style: Style): string {
    if (style === "plain" || !this.#color) return text;
    const [on, off] = CODES[style];
    return `${on}${text}${off}`;
  }
}
