/**
 * Takes thinking that a server left in the content apart from the answer. The opening tag counts only before any answer
 * text; a lone closing tag (the template swallowed the opener) is removed once and reported.
 */
export interface ThinkSink {
  text(text: string): void;
  think(text: string): void;
}

const OPENERS = ["<think>", "<thinking>"];
const CLOSERS = ["</think>", "</thinking>"];

/** Length of the longest end of `text` that could be the beginning of one of `tags`; 0 when none could. */
export function partialTagLength(text: string, tags: readonly string[]): number {
  let longest = 0;
  for (const tag of tags) {
    for (let length = Math.min(tag.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(tag.slice(0, length))) longest = length;
    }
  }
  return longest;
}

interface Found {
  at: number;
  tag: string;
}

function firstTag(text: string, tags: readonly string[]): Found | null {
  let found: Found | null = null;
  for (const tag of tags) {
    const at = text.indexOf(tag);
    if (at >= 0 && (found === null || at < found.at)) found = { at, tag };
  }
  return found;
}

/** Splits one reply. With `assumeThinking` the reply is taken for thinking until a closing tag comes. */
export class ThinkSplitter {
  readonly #sink: ThinkSink;
  #state: "start" | "think" | "text" = "start";
  #carry = "";
  #mayMissOpener = true;
  #missedOpener = false;
  #closed = false;
  #quoted = false;
  #atThinkStart = false;
  #assumed: string[] | null;

  constructor(sink: ThinkSink, assumeThinking = false) {
    this.#sink = sink;
    this.#assumed = assumeThinking ? [] : null;
  }

  /** True when a closing tag came without its opener: the next replies of this model will be the same. */
  get missedOpener(): boolean {
    return this.#missedOpener;
  }

  feed(text: string): void {
    if (this.#state === "text" && this.#carry === "" && !text.includes("<")) {
      this.#emitText(text);
      return;
    }
    let rest: string | null = this.#carry + text;
    this.#carry = "";
    while (rest !== null && rest !== "") {
      if (this.#state === "start") rest = this.#start(rest);
      else if (this.#state === "think") rest = this.#think(rest);
      else rest = this.#text(rest);
    }
  }

  /** Hands out what was held back; the reply may go on. */
  flush(): void {
    const rest = this.#carry;
    this.#carry = "";
    if (this.#state === "think") this.#emitThink(rest);
    else if (this.#state === "text" || rest.trim() !== "") this.#emitText(rest);
  }

  /** Ends the reply. One that was only assumed to be thinking, and never said so, becomes the answer as well. */
  end(): void {
    this.flush();
    if (this.#assumed !== null && this.#assumed.length > 0) this.#sink.text(this.#assumed.join(""));
    this.#assumed = null;
  }

  #start(text: string): string | null {
    const trimmed = text.trimStart();
    if (
      trimmed === "" ||
      [...OPENERS, ...CLOSERS].some((tag) => tag.length > trimmed.length && tag.startsWith(trimmed))
    ) {
      // White space before the answer is kept until it is known whether thinking follows; after thinking it is dropped.
      this.#carry = this.#closed ? trimmed : text;
      return null;
    }
    const opener = OPENERS.find((tag) => trimmed.startsWith(tag));
    if (opener !== undefined) {
      this.#state = "think";
      this.#mayMissOpener = false;
      this.#assumed = null;
      this.#atThinkStart = true;
      return trimmed.slice(opener.length);
    }
    if (this.#assumed !== null) {
      this.#state = "think";
      return trimmed;
    }
    this.#state = "text";
    return this.#closed ? trimmed : text;
  }

  #think(text: string): string | null {
    const closer = firstTag(text, CLOSERS);
    if (closer === null) {
      const held = partialTagLength(text, CLOSERS);
      this.#emitThink(text.slice(0, text.length - held));
      this.#carry = text.slice(text.length - held);
      return null;
    }
    this.#emitThink(text.slice(0, closer.at));
    if (this.#assumed !== null) this.#missedOpener = true;
    this.#assumed = null;
    return this.#close(text, closer);
  }

  #text(text: string): string | null {
    if (!this.#mayMissOpener) {
      this.#sink.text(text);
      return null;
    }
    const closer = firstTag(text, CLOSERS);
    if (closer === null) {
      const held = partialTagLength(text, CLOSERS);
      this.#emitText(text.slice(0, text.length - held));
      this.#carry = text.slice(text.length - held);
      return null;
    }
    this.#emitText(text.slice(0, closer.at));
    if (this.#quoted) {
      // An answer that talks about the tag, in backticks.
      this.#emitText(closer.tag);
      return text.slice(closer.at + closer.tag.length);
    }
    this.#missedOpener = true;
    return this.#close(text, closer);
  }

  #close(text: string, closer: Found): string {
    this.#state = "start";
    this.#closed = true;
    this.#mayMissOpener = false;
    return text.slice(closer.at + closer.tag.length);
  }

  #emitText(text: string): void {
    if (text === "") return;
    this.#quoted = text.endsWith("`");
    this.#sink.text(text);
  }

  #emitThink(text: string): void {
    const shown = this.#atThinkStart ? text.trimStart() : text;
    if (shown === "") return;
    this.#atThinkStart = false;
    this.#assumed?.push(shown);
    this.#sink.think(shown);
  }
}
