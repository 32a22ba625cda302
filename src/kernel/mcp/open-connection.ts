/** Connects to one MCP server and asks it for its tools. The SDK is loaded here, at the first server. */
import { resolve } from "node:path";
import type { Client, JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import * as z from "zod/mini";
import { orAbort, settledWithin, withinTime } from "../abort.js";
import { errorMessage } from "../errors.js";
import type { ProcessGroups } from "../processes/process-groups.js";
import { boundedFetch } from "./bounded-fetch.js";
import { isUnauthorized, type McpSdk } from "./connect-errors.js";
import type { StoredOAuthProvider } from "./oauth-provider.js";
import { MAX_TOOLS, readOffer, type ToolOffer } from "./offered-tool.js";
import type { RemoteEntry, StdioEntry } from "./server-entry.js";
import type { ServerLog } from "./server-log.js";
import { StdioTransport } from "./stdio-transport.js";
import { type CallResult, callResult } from "./tool-result.js";

const MAX_PAGES = 32;
/** How long a remote server may take to hear that its session has ended. */
const GOODBYE_MS = 250;

export interface ConnectDeps {
  processes: ProcessGroups;
  workDir: string;
  /** For servers that are processes: secrets and injectors are already gone. */
  env: Readonly<Record<string, string>>;
  log: ServerLog;
  version: string;
  /** Milliseconds for all of it. */
  timeoutMs: number;
  /** Of an oauth entry. */
  oauth: StoredOAuthProvider | null;
}

/** Why a connection could not be made; the message is for a person. */
export class ConnectError extends Error {
  readonly reason: "unauthorized" | "failed";

  constructor(reason: ConnectError["reason"], cause: unknown, message = errorMessage(cause)) {
    super(message, { cause });
    this.name = "ConnectError";
    this.reason = reason;
  }
}

const SDK_SLACK_MS = 1_000;

/** The server did not answer a call in time. */
export class CallTimeout extends Error {}

export interface McpConnection {
  readonly offer: ToolOffer;
  /** Settles with why, when the connection ended. Never rejects. */
  readonly closed: Promise<string>;
  /**
   * Calls one tool. An error that the server answers with is a result. Rejects with CallTimeout, with the signal's
   * reason on abort, and with any other error when there is no connection any more.
   */
  call(
    tool: string,
    args: Record<string, unknown>,
    options: { signal: AbortSignal; timeoutMs: number; effectId: string },
  ): Promise<CallResult>;
  /** Ends the connection, and the process of a stdio server. Never throws. */
  close(): Promise<void>;
}

const page = z.looseObject({ tools: z.array(z.unknown()), nextCursor: z.optional(z.nullable(z.string())) });

/** Connects. Rejects with ConnectError after at most `timeoutMs`, and with the signal's reason; nothing stays behind. */
export async function openConnection(
  entry: StdioEntry | RemoteEntry,
  deps: ConnectDeps,
  signal: AbortSignal,
): Promise<McpConnection> {
  const sdk = await import("@modelcontextprotocol/client");
  const transport = createTransport(sdk, entry, deps);
  const client = new sdk.Client({ name: "wire-kernel", version: deps.version }, { capabilities: {} });
  let end: (reason: string) => void = () => {};
  const closed = new Promise<string>((settle) => {
    end = settle;
  });
  let isOpen = false;
  client.onclose = () => end(endReason(transport) ?? "the connection was closed");
  client.onerror = (error) => {
    deps.log.line("protocol", errorMessage(error));
    // This transport would go on by itself, on a session that was never initialised.
    if (isOpen && transport instanceof sdk.SSEClientTransport) void close();
  };
  const close = async (): Promise<void> => {
    if (transport instanceof sdk.StreamableHTTPClientTransport && transport.sessionId !== undefined) {
      await settledWithin(transport.terminateSession(), GOODBYE_MS);
    }
    await client.close().catch(() => {});
    await transport.close().catch(() => {});
    end("the connection was closed");
  };
  const limit = withinTime(signal, deps.timeoutMs);
  try {
    // Ours is the limit; the SDK has words of its own for its own.
    const offer = await orAbort(handshake(client, transport, deps.timeoutMs + SDK_SLACK_MS, limit), limit);
    isOpen = true;
    return {
      offer,
      closed,
      close,
      call: (tool, args, options) => call({ sdk, client, log: deps.log }, tool, args, options),
    };
  } catch (error) {
    const why = connectError(sdk, error, transport, deps, limit);
    await close();
    signal.throwIfAborted();
    throw why;
  }
}

async function handshake(
  client: Client,
  transport: Transport,
  timeout: number,
  signal: AbortSignal,
): Promise<ToolOffer> {
  await client.connect(transport, { signal, timeout });
  if (client.getServerCapabilities()?.tools === undefined) return { tools: [], notices: [] };
  const raw: unknown[] = [];
  let cursor: string | undefined;
  for (let n = 0; n < MAX_PAGES && raw.length <= MAX_TOOLS; n++) {
    const request = { method: "tools/list", params: cursor === undefined ? {} : { cursor } } as const;
    const { tools, nextCursor } = await client.request(request, page, { signal, timeout });
    raw.push(...tools.slice(0, MAX_TOOLS + 1));
    cursor = nextCursor ?? undefined;
    if (cursor === undefined) break;
  }
  return readOffer(raw, cursor !== undefined);
}

async function call(
  { sdk, client, log }: { sdk: McpSdk; client: Client; log: ServerLog },
  name: string,
  args: Record<string, unknown>,
  { signal, timeoutMs, effectId }: { signal: AbortSignal; timeoutMs: number; effectId: string },
): Promise<CallResult> {
  const params = { name, arguments: args, _meta: { "wire-kernel/effect_id": effectId } };
  try {
    return await client.request({ method: "tools/call", params }, callResult, { signal, timeout: timeoutMs });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof sdk.ProtocolError) return refused(error.message);
    if (error instanceof sdk.SdkError) {
      if (error.code === sdk.SdkErrorCode.RequestTimeout) throw new CallTimeout();
      if (error.code === sdk.SdkErrorCode.InvalidResult) return refused("The answer of the server is no tool result.");
    }
    // It may hold a whole page of the server.
    throw new Error(log.clean(errorMessage(plainCause(error))), { cause: error });
  }
}

function refused(text: string): CallResult {
  return { isError: true, content: [{ type: "text", text }] };
}

function createTransport(sdk: McpSdk, entry: StdioEntry | RemoteEntry, deps: ConnectDeps): Transport {
  if (entry.kind === "stdio") {
    return new StdioTransport({
      processes: deps.processes,
      argv: [entry.command, ...entry.args],
      cwd: resolve(deps.workDir, entry.cwd ?? "."),
      env: { ...deps.env, ...entry.env },
      log: deps.log,
      parse: (line): JSONRPCMessage => sdk.deserializeMessage(line),
    });
  }
  const options = {
    fetch: boundedFetch(),
    requestInit: { headers: { ...entry.headers } },
    ...(deps.oauth === null ? {} : { authProvider: deps.oauth }),
  };
  const url = new URL(entry.url);
  return entry.transport === "sse"
    ? new sdk.SSEClientTransport(url, options)
    : new sdk.StreamableHTTPClientTransport(url, { ...options, onInsufficientScope: "throw" });
}

function connectError(sdk: McpSdk, error: unknown, transport: Transport, deps: ConnectDeps, limit: AbortSignal) {
  if (deps.oauth?.needsUser || isUnauthorized(sdk, error))
    return new ConnectError("unauthorized", error, deps.log.clean(errorMessage(error)));
  const ended = endReason(transport);
  if (ended !== null) return new ConnectError("failed", new Error(ended, { cause: error }));
  const late = limit.aborted ? new Error(`it did not answer within ${deps.timeoutMs} ms`) : plainCause(error);
  return new ConnectError("failed", late, deps.log.clean(errorMessage(late)));
}

/** Node says only "fetch failed"; why is in the cause. */
function plainCause(error: unknown): unknown {
  return error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
}

function endReason(transport: Transport): string | null {
  return transport instanceof StdioTransport ? transport.endReason : null;
}
