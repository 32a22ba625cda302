/**
 * One configured MCP server: at most one connection, its state, and its tries. Whatever it does costs only itself: it
 * connects in the background, fails on its own, and is started again by the next call after it has ended.
 */

import { orAbort, settledWithin } from "../abort.js";
import { errorMessage } from "../errors.js";
import type { Logger } from "../logger.js";
import type { OfferedTool } from "./offered-tool.js";
import type { McpConnection } from "./open-connection.js";
import type { ServerEntry } from "./server-entry.js";

export type ServerState = "pending" | "connecting" | "connected" | "failed" | "unauthorized";

/** How often a server is connected to again without a successful call in between. */
const MAX_RECONNECTS = 3;
const CLOSE_LIMIT_MS = 500;

export interface McpServerDeps {
  entry: ServerEntry;
  /** Makes one connection; rejects with ConnectError or the signal's reason. */
  connect(signal: AbortSignal): Promise<McpConnection>;
  /** True when there is something to try that was not there when the server said no. */
  mayAuthorize(): boolean;
  logger: Logger;
}

/** The server cannot take a call; the message says why. */
export class ServerUnavailable extends Error {}

export class McpServer {
  readonly name: string;
  /** What it offered when it connected for the first time; null before. */
  offered: readonly OfferedTool[] | null = null;
  /** What has to be said about the offer, once. */
  notices: readonly string[] = [];
  readonly #deps: McpServerDeps;
  readonly #closing = new AbortController();
  #state: ServerState = "pending";
  #reason = "";
  #connection: McpConnection | null = null;
  #attempt: Promise<void> | null = null;
  #reconnects = 0;

  constructor(deps: McpServerDeps) {
    this.name = deps.entry.name;
    this.#deps = deps;
  }

  get state(): ServerState {
    return this.#state;
  }

  /** Connects in the background, once. Settles when it is known how that ended; never rejects. */
  start(): Promise<void> {
    if (this.#state === "unauthorized" && this.#attempt === null && this.#deps.mayAuthorize()) this.#state = "pending";
    if (this.#state !== "pending") return this.#attempt ?? Promise.resolve();
    return this.#connect();
  }

  /**
   * The connection, waiting for a running try, or started again when the server has ended. Rejects with
   * ServerUnavailable, and with the signal's reason.
   */
  async connection(signal: AbortSignal): Promise<McpConnection> {
    signal.throwIfAborted();
    await orAbort(this.start(), signal);
    if (this.#connection === null && this.#state === "failed" && this.#reconnects < MAX_RECONNECTS) {
      this.#reconnects += 1;
      await orAbort(this.#connect(), signal);
    }
    if (this.#connection === null) throw new ServerUnavailable(this.#reason || "it is not connected");
    return this.#connection;
  }

  /** A call came through: the next end of the server counts anew. */
  succeeded(): void {
    this.#reconnects = 0;
  }

  /** A call failed on the way: the connection is given up, and the next call makes another. */
  lost(connection: McpConnection, error: unknown): void {
    if (this.#connection !== connection) return;
    this.#ended(connection, errorMessage(error));
    void connection.close();
  }

  /** Ends the connection and any try. Never throws. */
  async close(): Promise<void> {
    this.#closing.abort(new ServerUnavailable("the kernel is closing"));
    const connection = this.#connection;
    await settledWithin(Promise.all([this.#attempt, connection?.close()]), CLOSE_LIMIT_MS);
  }

  #connect(): Promise<void> {
    this.#attempt ??= this.#try().finally(() => {
      this.#attempt = null;
    });
    return this.#attempt;
  }

  async #try(): Promise<void> {
    const { entry, connect, logger } = this.#deps;
    this.#state = "connecting";
    try {
      this.#closing.signal.throwIfAborted();
      if (entry.kind === "broken") throw new Error(entry.reason);
      const connection = await connect(this.#closing.signal);
      this.#connection = connection;
      this.#state = "connected";
      this.#reason = "";
      void connection.closed.then((reason) => this.#ended(connection, reason));
      if (this.offered === null) {
        this.offered = connection.offer.tools;
        this.notices = connection.offer.notices;
      }
      logger.info({ server: this.name, tools: connection.offer.tools.length }, "MCP server connected");
    } catch (error) {
      this.#reason = errorMessage(error);
      this.#state = isUnauthorized(error) ? "unauthorized" : "failed";
      logger.warn({ server: this.name, reason: this.#reason }, `MCP server ${this.#state}`);
    }
  }

  #ended(connection: McpConnection, reason: string): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#state = "failed";
    this.#reason = reason;
    if (!this.#closing.signal.aborted) {
      this.#deps.logger.warn({ server: this.name, reason }, "MCP server lost");
    }
  }
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof Error && "reason" in error && error.reason === "unauthorized";
}
