/** `kernel mcp test`, `auth` and `reset-auth`: the commands that reach the server or its tokens. */

import { silentLogger } from "../src/kernel/logger.js";
import { authorizeServer } from "../src/kernel/mcp/authorize-server.js";
import { StoredOAuthProvider } from "../src/kernel/mcp/oauth-provider.js";
import { OAuthStore } from "../src/kernel/mcp/oauth-store.js";
import type { OfferedTool } from "../src/kernel/mcp/offered-tool.js";
import { type ConnectDeps, openConnection } from "../src/kernel/mcp/open-connection.js";
import type { RemoteEntry, ServerEntry } from "../src/kernel/mcp/server-entry.js";
import { ServerLog } from "../src/kernel/mcp/server-log.js";
import { createProcessGroups } from "../src/kernel/processes/posix-process-groups.js";
import type { ProcessGroups } from "../src/kernel/processes/process-groups.js";
import { toolEnvironment } from "../src/kernel/processes/tool-environment.js";
import { visibleText } from "../src/kernel/tools/support/visible-text.js";
import { KERNEL_VERSION } from "../src/kernel/version.js";
import { complain, findServer, print } from "./mcp-entries.js";
import { mcpMessages as say } from "./mcp-messages.js";

const CONNECT_MS = 30_000;
const ALLOW_MS = 300_000;
const DESCRIPTION_CHARS = 50;

/** Connects once and lists the tools. Gives the exit code. */
export async function testServer(name: string): Promise<number> {
  const { entry, shareDir } = findServer(name);
  if (entry === null) return complain(say.notFound(name));
  print(say.testing(name));
  if (entry.kind === "broken") return complain(say.connectionFailed("Error", entry.reason));
  const processes = createProcessGroups();
  const store = entry.kind === "remote" && entry.oauth ? new OAuthStore(shareDir, entry.url) : null;
  const oauth = store === null ? null : new StoredOAuthProvider(store);
  try {
    const connection = await openConnection(entry, { ...connectDeps(entry, processes), oauth }, forever());
    await connection.close();
    print(
      [say.connected(name), ...toolLines(connection.offer.tools), ...connection.offer.notices.map(say.notice)].join(
        "\n",
      ),
    );
    return 0;
  } catch (error) {
    return complain(say.connectionFailed(...namedError(error)));
  } finally {
    await processes.close();
  }
}

/** Lets the user allow the access. Gives the exit code. */
export async function authServer(name: string): Promise<number> {
  const found = findRemote(name);
  if (typeof found === "number") return found;
  const { entry, shareDir } = found;
  if (!entry.oauth) return complain(say.noOAuth(name));
  const processes = createProcessGroups();
  try {
    const tools = await authorizeServer(
      entry,
      {
        ...connectDeps(entry, processes),
        store: new OAuthStore(shareDir, entry.url),
        show: (url) => print(say.openAddress(name, url.href)),
      },
      AbortSignal.timeout(ALLOW_MS),
    );
    print(say.authorized(name, tools));
    return 0;
  } catch (error) {
    return complain(say.authorizationFailed(...namedError(error)));
  } finally {
    await processes.close();
  }
}

/** Forgets tokens and registration. Gives the exit code. */
export function resetAuth(name: string): number {
  const found = findRemote(name);
  if (typeof found === "number") return found;
  new OAuthStore(found.shareDir, found.entry.url).clear();
  print(say.tokensCleared(name));
  return 0;
}

function findRemote(name: string): { entry: RemoteEntry; shareDir: string } | number {
  const { entry, shareDir } = findServer(name);
  if (entry === null) return complain(say.notFound(name));
  return entry.kind === "remote" ? { entry, shareDir } : complain(say.notRemote(name));
}

function connectDeps(entry: ServerEntry, processes: ProcessGroups): Omit<ConnectDeps, "oauth"> {
  return {
    processes,
    workDir: process.cwd(),
    env: toolEnvironment(process.env),
    log: new ServerLog(silentLogger, entry),
    version: KERNEL_VERSION,
    timeoutMs: CONNECT_MS,
  };
}

function toolLines(tools: readonly OfferedTool[]): string[] {
  if (tools.length === 0) return [say.toolCount(0)];
  return [
    say.toolCount(tools.length),
    say.tools,
    ...tools.map(({ remoteName, description }) => toolLine(remoteName, description)),
  ];
}

function toolLine(name: string, description: string): string {
  const line = description.replace(/\s+/g, " ");
  return say.tool(
    visibleText(name),
    line.length > DESCRIPTION_CHARS ? `${line.slice(0, DESCRIPTION_CHARS - 3)}...` : line,
  );
}

/** The error that came first says more than those that wrap it. */
function namedError(error: unknown): [name: string, message: string] {
  const first = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return first instanceof Error ? [first.name, visibleText(first.message)] : ["Error", String(first)];
}

/** Everything that is waited for has its own limit. */
function forever(): AbortSignal {
  return new AbortController().signal;
}
