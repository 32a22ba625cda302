/**
 * All MCP servers of a kernel: started after initialize, waited for by the first turn for a short while, joined to the
 * listed tools when a turn begins. A server that comes later joins at the next turn.
 */
import { randomUUID } from "node:crypto";
import { orAbort, settledWithin } from "../abort.js";
import type { Recorder } from "../turn/recorder.js";
import { type McpStatus, mcpUpdate } from "../turn/status-update.js";
import type { JoinedTools } from "./joined-tools.js";
import type { McpServer } from "./mcp-server.js";
import type { McpToolDeps } from "./mcp-tool.js";
import type { ServerEntry } from "./server-entry.js";
import type { StoredOffers } from "./stored-offers.js";

export interface McpServersDeps {
  servers: readonly { entry: ServerEntry; server: McpServer }[];
  joined: JoinedTools;
  stored: StoredOffers;
  toolDeps: Omit<McpToolDeps, "server">;
  /** Milliseconds from the start of loading that a first turn may wait. */
  waitMs: number;
  /** What was wrong with the configuration as a whole. */
  notices: readonly string[];
}

export interface TurnStart {
  recorder: Recorder;
  signal: AbortSignal;
  sessionId: string;
  /** Tools of the session's stored prefix; null for a new session. */
  listed: readonly string[] | null;
}

export class McpServers {
  readonly joined: JoinedTools;
  readonly #deps: McpServersDeps;
  /** Servers whose own list, not a stored one, has joined. */
  readonly #live = new Set<McpServer>();
  #notices: string[];
  #startedAt: number | null = null;
  #firstTurn = true;
  #told = "";

  constructor(deps: McpServersDeps) {
    this.joined = deps.joined;
    this.#deps = deps;
    this.#notices = [...deps.notices];
  }

  /** Begins to connect, once; returns at once. */
  start(): void {
    if (this.#startedAt !== null) return;
    this.#startedAt = performance.now();
    for (const server of this.#servers) void server.start();
  }

  /**
   * Brings the listed tools up to date before a turn asks the model, and tells the client what has changed. Only the
   * first turn waits. Rejects with the signal's reason; every MCPLoadingBegin has its End then too.
   */
  async beforeTurn(turn: TurnStart): Promise<void> {
    this.start();
    if (this.#firstTurn) {
      this.#firstTurn = false;
      this.#restore(turn.listed ?? []);
      await this.#waitForLoading(turn);
    } else {
      for (const server of this.#servers) if (server.state === "unauthorized") void server.start();
    }
    this.#joinAll(turn.recorder);
    this.#tellStatus(turn.recorder);
    this.#tellNotices(turn);
  }

  /** As the protocol has it. */
  status(): McpStatus {
    const servers = this.#servers.map((server) => ({
      name: server.name,
      status: server.state,
      tools: this.joined.names(server.name),
    }));
    const connected = servers.filter(({ status }) => status === "connected");
    return {
      loading: servers.some(({ status }) => status === "pending" || status === "connecting"),
      connected: connected.length,
      total: servers.length,
      tools: connected.reduce((sum, { tools }) => sum + tools.length, 0),
      servers,
    };
  }

  /** Ends all connections and their processes. Never throws. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  get #servers(): McpServer[] {
    return this.#deps.servers.map(({ server }) => server);
  }

  /** A session that was begun with these tools goes on with them at once; their calls wait for their servers. */
  #restore(listed: readonly string[]): void {
    const place = new Map(listed.map((name, at) => [name, at]));
    const found = this.#deps.servers.flatMap(({ entry, server }) => {
      const offered = this.#deps.stored.read(entry);
      const first = offered?.map((tool) => place.get(tool.remoteName)).find((at) => at !== undefined);
      return offered === null || first === undefined ? [] : [{ server, offered, first }];
    });
    for (const { server, offered } of found.sort((a, b) => a.first - b.first)) {
      this.joined.join(offered, { ...this.#deps.toolDeps, server });
    }
  }

  async #waitForLoading({ recorder, signal }: TurnStart): Promise<void> {
    const awaited = this.#servers.filter((server) => this.joined.names(server.name).length === 0);
    const isLoading = awaited.some(({ state }) => state === "pending" || state === "connecting");
    if (!isLoading) return;
    this.#tellStatus(recorder);
    recorder.event("MCPLoadingBegin", {});
    try {
      const settled = Promise.all(awaited.map((server) => server.start()));
      const left = this.#deps.waitMs - (performance.now() - (this.#startedAt ?? 0));
      if (left > 0) await orAbort(settledWithin(settled, left), signal);
    } finally {
      this.#joinAll(recorder);
      this.#told = "";
      this.#tellStatus(recorder);
      recorder.event("MCPLoadingEnd", {});
    }
  }

  #joinAll(recorder: Recorder): void {
    for (const { entry, server } of this.#deps.servers) {
      const { offered } = server;
      if (offered === null || this.#live.has(server)) continue;
      this.#live.add(server);
      const notices = this.joined.join(offered, { ...this.#deps.toolDeps, server });
      this.#deps.stored.write(entry, offered);
      const tools = this.joined.names(server.name);
      recorder.note({ kind: "notice", code: "mcp_joined", data: { server: server.name, tools } }, false);
      for (const notice of [...server.notices, ...notices]) this.#notices.push(`MCP server ${server.name}: ${notice}.`);
    }
  }

  #tellStatus(recorder: Recorder): void {
    const status = this.status();
    const text = JSON.stringify(status);
    if (text === this.#told) return;
    this.#told = text;
    recorder.event("StatusUpdate", mcpUpdate(status));
  }

  #tellNotices({ recorder, sessionId }: TurnStart): void {
    if (this.#notices.length === 0) return;
    const lines = this.#notices;
    this.#notices = [];
    this.#deps.toolDeps.logger.warn({ notices: lines }, "MCP servers: something was left out");
    recorder.event("Notification", {
      id: `n${randomUUID().slice(0, 8)}`,
      category: "system",
      type: "mcp.notice",
      source_kind: "session",
      source_id: sessionId,
      title: "MCP servers",
      body: lines.join("\n"),
      severity: "warning",
      created_at: Date.now() / 1000,
      payload: {},
    });
  }
}
