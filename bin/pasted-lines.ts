/** Text of several lines that a terminal pastes: it is one text, to be sent when somebody presses Enter. */

/** Terminals then mark where pasted text begins and ends. */
export const MARK_PASTES = "\u001b[?2004h";
export const LEAVE_PASTES = "\u001b[?2004l";

/** The lines of one text, until it is sent. */
export class PastedLines {
  #isPasting = false;
  readonly #lines: string[] = [];

  /** Nothing is held and nothing is coming. */
  get isEmpty(): boolean {
    return !this.#isPasting && this.#lines.length === 0;
  }

  /** To be told the name of every key. */
  key(name: string | undefined): void {
    if (name === "paste-start") this.#isPasting = true;
    else if (name === "paste-end") this.#isPasting = false;
  }

  /** Takes a line that was pasted, and gives true; false for one that somebody has ended. */
  take(line: string): boolean {
    if (this.#isPasting) this.#lines.push(line);
    return this.#isPasting;
  }

  /** The whole text, of which `line` is the end. */
  end(line: string): string {
    const lines = this.#lines.splice(0);
    return (line === "" ? lines : [...lines, line]).join("\n");
  }

  /** Throws the lines away. */
  drop(): void {
    this.#lines.length = 0;
  }
}
