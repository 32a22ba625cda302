/**
 * Tokens and client registrations of remote MCP servers: one file for each server URL in the share folder, 0600 in a
 * folder 0700. Read anew each time, because `kernel mcp auth` and other kernels write there too.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { StoredOAuthClientInformation, StoredOAuthTokens } from "@modelcontextprotocol/client";
import { replaceFile } from "../storage/checked-write.js";
import { nodeFileOperations } from "../storage/file-operations.js";

export interface OAuthRecord {
  server_url: string;
  client?: StoredOAuthClientInformation;
  tokens?: StoredOAuthTokens;
  /** Port of the redirect address that the client is registered with. */
  redirect_port?: number;
}

export class OAuthStore {
  readonly #folder: string;
  readonly #file: string;
  readonly #url: string;

  constructor(shareDir: string, url: string) {
    this.#folder = join(shareDir, "mcp-oauth");
    this.#url = url;
    this.#file = join(this.#folder, `${createHash("sha256").update(url).digest("hex").slice(0, 32)}.json`);
  }

  /** What is stored; an absent or unreadable file holds nothing. */
  read(): OAuthRecord {
    try {
      const value: unknown = JSON.parse(readFileSync(this.#file, "utf8"));
      const isOurs = typeof value === "object" && value !== null && (value as OAuthRecord).server_url === this.#url;
      return isOurs ? (value as OAuthRecord) : { server_url: this.#url };
    } catch {
      return { server_url: this.#url };
    }
  }

  get hasTokens(): boolean {
    return this.read().tokens !== undefined;
  }

  /** Lays `change` over what is stored; a key that is undefined is removed. Throws KernelError. */
  update(change: { [K in keyof OAuthRecord]?: OAuthRecord[K] | undefined }): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const bytes = Buffer.from(JSON.stringify({ ...this.read(), ...change }));
    const temporary = `${this.#file}.${randomBytes(6).toString("hex")}.tmp`;
    replaceFile(nodeFileOperations, { path: this.#file, temporary, folder: this.#folder }, bytes, "MCP tokens");
  }

  /** Forgets tokens and registration. */
  clear(): void {
    rmSync(this.#file, { force: true });
  }
}
