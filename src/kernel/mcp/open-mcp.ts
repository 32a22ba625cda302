/** From configuration to MCP servers: which there are, and what each needs to be connected to. */
import { errorMessage } from "../errors.js";
import type { KernelOptions } from "../kernel.js";
import type { ProcessGroups } from "../processes/process-groups.js";
import { JoinedTools } from "./joined-tools.js";
import { mcpFile, readMcpFile } from "./mcp-file.js";
import { McpServer } from "./mcp-server.js";
import { McpServers } from "./mcp-servers.js";
import { StoredOAuthProvider } from "./oauth-provider.js";
import { OAuthStore } from "./oauth-store.js";
import { ConnectError, openConnection } from "./open-connection.js";
import { readServerEntries, type ServerEntry } from "./server-entry.js";
import { ServerLog } from "./server-log.js";
import { StoredOffers } from "./stored-offers.js";

export interface OpenMcpDeps {
  processes: ProcessGroups;
  /** For servers that are processes: secrets and injectors are already gone. */
  env: Readonly<Record<string, string>>;
  /** True for names that MCP tools may not take. */
  isReserved(name: string): boolean;
}

/** Gives the configured servers, none of them started; null when there is nothing to say about MCP. Never throws. */
export function openMcp(options: KernelOptions, deps: OpenMcpDeps): McpServers | null {
  const { documents, notices } = readDocuments(options);
  const entries = readServerEntries(documents);
  if (entries.length === 0 && notices.length === 0) return null;
  const { shareDir, logger, config } = options;
  return new McpServers({
    servers: entries.map((entry) => ({ entry, server: createServer(entry, options, deps) })),
    joined: new JoinedTools(deps.isReserved),
    stored: new StoredOffers(shareDir, logger),
    toolDeps: { timeoutMs: config.mcp.client.tool_call_timeout_ms, logger },
    waitMs: config.mcp.client.loading_wait_ms,
    notices,
  });
}

/** mcp.json of the share folder comes first, unless a file was named; a broken one costs a notice, never the start. */
function readDocuments({ flags, shareDir, logger }: KernelOptions) {
  const documents = [...flags.mcpConfigs];
  const notices: string[] = [];
  if (flags.mcpFileGiven) return { documents, notices };
  try {
    const document = readMcpFile(mcpFile(shareDir));
    if (document !== null) documents.unshift(document);
  } catch (error) {
    logger.warn({ err: error }, "mcp.json cannot be used");
    notices.push(`${errorMessage(error)}.`);
  }
  return { documents, notices };
}

function createServer(entry: ServerEntry, options: KernelOptions, { processes, env }: OpenMcpDeps): McpServer {
  const { shareDir, logger, flags, version, config } = options;
  const store = entry.kind === "remote" && entry.oauth ? new OAuthStore(shareDir, entry.url) : null;
  let triedWith: string | undefined;
  return new McpServer({
    entry,
    logger,
    mayAuthorize: () => store !== null && accessToken(store) !== undefined && accessToken(store) !== triedWith,
    connect: async (signal) => {
      if (entry.kind === "broken") throw new Error(entry.reason);
      if (store !== null) triedWith = accessToken(store);
      if (store !== null && triedWith === undefined) {
        throw new ConnectError("unauthorized", new Error(`run: kernel mcp auth ${entry.name}`));
      }
      return await openConnection(
        entry,
        {
          processes,
          env,
          version,
          workDir: flags.workDir,
          log: new ServerLog(logger, entry),
          timeoutMs: config.mcp.client.connect_timeout_ms,
          oauth: store === null ? null : new StoredOAuthProvider(store),
        },
        signal,
      );
    },
  });
}

function accessToken(store: OAuthStore): string | undefined {
  return store.read().tokens?.access_token;
}
