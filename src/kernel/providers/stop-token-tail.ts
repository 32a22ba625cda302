/** Removes stop tokens that leaked into the end of a reply; the same words in the middle of a text stay. */
const TOKENS = [
  "<|im_end|>",
  "<|endoftext|>",
  "<|end_of_text|>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<|end|>",
  "<|return|>",
  "<end_of_turn>",
  "</s>",
];

function literal(text: string): string {
  return text.replace(/[|.*+?^${}()[\]\\/]/g, "\\$&");
}

const prefixes = [...new Set(TOKENS.flatMap((token) => Array.from(token.slice(1), (_, i) => token.slice(0, i + 1))))];
const TOKEN = TOKENS.map(literal).join("|");
const PARTIAL = prefixes
  .sort((a, b) => b.length - a.length)
  .map(literal)
  .join("|");
const TAIL = new RegExp(`(?:(?:${TOKEN})\\s*)*(?:${PARTIAL})?$`);
const WHOLE_TOKENS = new RegExp(`^(?:(?:${TOKEN})\\s*)+`);

/** Passes one reply on to `emit`, holding back only an end that is, or may become, stop tokens. */
export class StopTokenTail {
  readonly #emit: (text: string) => void;
  #held = "";
  #partial = "";

  constructor(emit: (text: string) => void) {
    this.#emit = emit;
  }

  feed(text: string): void {
    if (this.#held === "" && this.#partial === "" && !text.includes("<")) {
      this.#emit(text);
      return;
    }
    const rest = this.#partial + text;
    if (this.#held !== "" && this.#partial === "" && rest.trim() === "") {
      this.#held += rest;
      return;
    }
    const at = TAIL.exec(rest)?.index ?? rest.length;
    if (at > 0) {
      this.#emit(this.#held + rest.slice(0, at));
      this.#held = "";
    }
    const tail = rest.slice(at);
    const whole = WHOLE_TOKENS.exec(tail)?.[0] ?? "";
    this.#held += whole;
    this.#partial = tail.slice(whole.length);
  }

  /** Ends the reply: whole stop tokens are dropped, a mere beginning of one is text. */
  end(): void {
    if (this.#partial !== "") this.#emit(this.#held + this.#partial);
    this.#held = "";
    this.#partial = "";
  }
}
