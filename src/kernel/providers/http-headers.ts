/**
 * Header fields of one HTTP message: what the SDK and the driver use of fetch's `Headers`. Node loads its whole fetch, a
 * fifth of what a kernel computes in a short life, at the first touch of that class, and nothing else here needs it. The
 * build puts this one in its place in the SDK too (scripts/bundle-options.mjs).
 */

const OUTER_SPACE = /^[\t\r\n ]+|[\t\r\n ]+$/g;
/** What node:http refuses as well, but says only when the request is on its way. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

/** Names are taken in any case and given in lower case. Fields of one name are one, joined by `, `. */
export class HttpHeaders {
  readonly #fields = new Map<string, string>();

  /** null for a field that is not there. */
  get(name: string): string | null {
    return this.#fields.get(name.toLowerCase()) ?? null;
  }

  /** Throws TypeError, which does not say the value, for one that cannot be sent. */
  set(name: string, value: string): void {
    this.#fields.set(name.toLowerCase(), usable(name, value));
  }

  /** As `set`, behind what the field holds already. */
  append(name: string, value: string): void {
    const held = this.get(name);
    const added = usable(name, value);
    this.#fields.set(name.toLowerCase(), held === null ? added : `${held}, ${added}`);
  }

  delete(name: string): void {
    this.#fields.delete(name.toLowerCase());
  }

  /** In the order of their names. */
  entries(): IterableIterator<[string, string]> {
    return [...this.#fields].sort(([a], [b]) => (a < b ? -1 : 1)).values();
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }
}

function usable(name: string, value: string): string {
  const trimmed = `${value}`.replace(OUTER_SPACE, "");
  if (FORBIDDEN.test(trimmed)) throw new TypeError(`The header ${name} has a value that cannot be sent.`);
  return trimmed;
}
