import { redact, redactCut } from "./redact.js";

const SHOWN_BYTES = 4_096;
/** Kept beyond what is shown, so that a secret at the edge is still whole when it is looked for. */
const SPARE_BYTES = 16_384;
/** V8's and C++'s last words. */
const NO_MEMORY = /out of memory|std::bad_alloc/;

/** The last words of a process: takes its stderr for as long as it comes, in bounded memory. */
export class StderrTail {
  readonly #secrets: readonly string[];
  readonly #limit: number;
  #bytes: Buffer = Buffer.alloc(0);
  #cut = false;

  /** `secrets` longest first. */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
    this.#limit = SHOWN_BYTES + SPARE_BYTES + 4 * (secrets[0]?.length ?? 0);
  }

  add(chunk: Buffer): void {
    const all = Buffer.concat([this.#bytes, chunk]);
    this.#cut ||= all.length > this.#limit;
    this.#bytes = all.subarray(-this.#limit);
  }

  /** At most 4 KB, secrets removed. */
  text(): string {
    const text = this.#bytes.subarray(this.#cut ? characterStart(this.#bytes, 0) : 0).toString("utf8");
    const clean = Buffer.from(this.#cut ? redactCut(text, this.#secrets) : redact(text, this.#secrets));
    return clean.subarray(characterStart(clean, Math.max(0, clean.length - SHOWN_BYTES))).toString("utf8");
  }

  /** Whether the process said that it had no memory left. */
  saysNoMemory(): boolean {
    return NO_MEMORY.test(this.#bytes.toString("latin1"));
  }
}

/** The first position from `at` on that is not inside a UTF-8 character. */
function characterStart(bytes: Buffer, at: number): number {
  let start = at;
  while (start < bytes.length && ((bytes[start] as number) & 0xc0) === 0x80) start += 1;
  return start;
}
