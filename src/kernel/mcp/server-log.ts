/** What one MCP server says beside the protocol, into the log: bounded, without its own secrets. */
import type { Logger } from "../logger.js";
import { visibleText } from "../tools/support/visible-text.js";
import type { ServerEntry } from "./server-entry.js";

const MAX_LINES = 200;
const MAX_LINE_CHARS = 500;
const SHORTEST_SECRET = 6;

export class ServerLog {
  readonly #logger: Logger;
  readonly #server: string;
  readonly #secrets: readonly string[];
  #left = MAX_LINES;

  constructor(logger: Logger, entry: ServerEntry) {
    this.#logger = logger;
    this.#server = entry.name;
    const values = entry.kind === "stdio" ? entry.env : entry.kind === "remote" ? entry.headers : {};
    const words = Object.values(values).flatMap((value) => [value, ...value.split(/\s+/)]);
    this.#secrets = [...new Set(words)].filter((value) => value.length >= SHORTEST_SECRET);
  }

  /** One line of the server. The last one that fits says that the rest is left out. */
  line(source: "stderr" | "stdout" | "protocol", text: string): void {
    if (this.#left <= 0 || text.trim() === "") return;
    this.#left -= 1;
    this.#logger.info({ server: this.#server, source, text: this.clean(text) }, "MCP server says");
    if (this.#left === 0) this.#logger.warn({ server: this.#server }, "more of this MCP server is not logged");
  }

  /** The text cut, visible and without the values of the entry's environment and headers. */
  clean(text: string): string {
    let cut = text.slice(0, MAX_LINE_CHARS);
    for (const secret of this.#secrets) cut = cut.replaceAll(secret, "[redacted]");
    return visibleText(cut);
  }
}
