/**
 * Tool lists as servers offered them last, in the share folder, so that a session that was begun with them can go on
 * with the same prompt before its servers are back.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import type { Logger } from "../logger.js";
import { replaceFile } from "../storage/checked-write.js";
import { nodeFileOperations } from "../storage/file-operations.js";
import type { OfferedTool } from "./offered-tool.js";
import type { ServerEntry } from "./server-entry.js";

const stored = z.array(
  z.object({ remoteName: z.string(), description: z.string(), parameters: z.record(z.string(), z.unknown()) }),
);

export class StoredOffers {
  readonly #folder: string;
  readonly #logger: Logger;

  constructor(shareDir: string, logger: Logger) {
    this.#folder = join(shareDir, "mcp-tools");
    this.#logger = logger;
  }

  /** null when nothing usable is stored for exactly this entry. */
  read(entry: ServerEntry): OfferedTool[] | null {
    try {
      return z.parse(stored, JSON.parse(readFileSync(this.#file(entry), "utf8")));
    } catch {
      return null;
    }
  }

  /** Never throws: without it a resumed session only waits longer. */
  write(entry: ServerEntry, tools: readonly OfferedTool[]): void {
    try {
      const path = this.#file(entry);
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
      const bytes = Buffer.from(JSON.stringify(tools));
      replaceFile(nodeFileOperations, { path, temporary, folder: this.#folder }, bytes, "MCP tools");
    } catch (error) {
      this.#logger.warn({ err: error, server: entry.name }, "the tools of an MCP server could not be stored");
    }
  }

  #file(entry: ServerEntry): string {
    return join(this.#folder, `${createHash("sha256").update(JSON.stringify(entry)).digest("hex").slice(0, 32)}.json`);
  }
}
