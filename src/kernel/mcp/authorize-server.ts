/** Lets the user allow the access to a remote MCP server, and stores what that gave. For the command line only. */
import { randomBytes } from "node:crypto";
import { orAbort } from "../abort.js";
import { boundedFetch } from "./bounded-fetch.js";
import { StoredOAuthProvider } from "./oauth-provider.js";
import type { OAuthStore } from "./oauth-store.js";
import { type ConnectDeps, ConnectError, openConnection } from "./open-connection.js";
import { openRedirectListener } from "./redirect-listener.js";
import type { RemoteEntry } from "./server-entry.js";

export interface AuthorizeDeps extends Omit<ConnectDeps, "oauth"> {
  store: OAuthStore;
  /** Shows the address at which the user allows the access. */
  show(url: URL): void;
}

/**
 * Connects with the stored tokens when they are good; else waits until the user has allowed it, or the signal aborts.
 * Gives the number of tools. Throws what went wrong; the listener is closed in every case.
 */
export async function authorizeServer(entry: RemoteEntry, deps: AuthorizeDeps, signal: AbortSignal): Promise<number> {
  const { store } = deps;
  const state = randomBytes(24).toString("base64url");
  const registered = store.read().redirect_port;
  const listener = await openRedirectListener(registered ?? 0, state);
  try {
    // A client is registered with its redirect address; with another one it has to be registered anew.
    if (registered !== listener.port) store.update({ client: undefined, redirect_port: undefined });
    const oauth = new StoredOAuthProvider(store, { redirectUrl: listener.url, state, show: deps.show });
    try {
      return await countTools(entry, { ...deps, oauth }, signal);
    } catch (error) {
      if (!(error instanceof ConnectError) || !oauth.needsUser) throw error;
    }
    await exchange(entry.url, oauth, await orAbort(listener.arrived, signal));
    return await countTools(entry, { ...deps, oauth: new StoredOAuthProvider(store) }, signal);
  } finally {
    await listener.close();
  }
}

async function countTools(entry: RemoteEntry, deps: ConnectDeps, signal: AbortSignal): Promise<number> {
  const connection = await openConnection(entry, deps, signal);
  await connection.close();
  return connection.offer.tools.length;
}

async function exchange(serverUrl: string, provider: StoredOAuthProvider, params: URLSearchParams): Promise<void> {
  const { auth } = await import("@modelcontextprotocol/client");
  const code = params.get("code");
  if (code === null) {
    throw new Error(`the authorization server said ${params.get("error_description") ?? params.get("error") ?? "no"}`);
  }
  const iss = params.get("iss");
  await auth(provider, {
    serverUrl,
    authorizationCode: code,
    fetchFn: boundedFetch(),
    ...(iss === null ? {} : { iss }),
  });
}
