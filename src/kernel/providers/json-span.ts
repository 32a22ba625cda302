const QUOTE = 34;
const BACKSLASH = 92;

/** Follows one JSON object, array or string through pieces of text and knows where it ends. Does not check syntax. */
export class JsonSpan {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #started = false;
  #complete = false;

  /** True once the value has been closed. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Takes the next piece. Returns the index just after the value's end within the piece, or -1 when it goes on. */
  feed(text: string): number {
    if (this.#complete) return 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (code === BACKSLASH) this.#escaped = true;
        else if (code === QUOTE) {
          this.#inString = false;
          if (this.#depth === 0) return this.#end(i);
        }
      } else if (code === QUOTE) {
        this.#started = true;
        this.#inString = true;
      } else if (code === 123 || code === 91) {
        this.#started = true;
        this.#depth++;
      } else if (code === 125 || code === 93) {
        if (this.#started && --this.#depth === 0) return this.#end(i);
      }
    }
    return -1;
  }

  #end(index: number): number {
    this.#complete = true;
    return index + 1;
  }
}
