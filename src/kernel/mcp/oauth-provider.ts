/** The OAuth client of one remote MCP server, as the SDK asks for it. Without an `interactive` side nobody is asked. */
import type {
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from "@modelcontextprotocol/client";
import type { OAuthStore } from "./oauth-store.js";

export interface InteractiveSide {
  redirectUrl: string;
  /** Unguessable; comes back with the redirect. */
  state: string;
  /** Shows the address at which the user allows the access. */
  show(url: URL): void;
}

/**
 * Uses and refreshes the stored tokens. Where the user would have to allow something it only remembers that
 * (`needsUser`), and never registers a client.
 */
export class StoredOAuthProvider implements OAuthClientProvider {
  readonly clientMetadata: OAuthClientMetadata;
  readonly redirectUrl: string;
  saveClientInformation?: (client: StoredOAuthClientInformation) => void;
  state?: () => string;
  /** True once the stored tokens were not enough. */
  needsUser = false;
  readonly #store: OAuthStore;
  readonly #interactive: InteractiveSide | null;
  #verifier = "";
  #discovery: OAuthDiscoveryState | undefined;
  /** The refresh token that was handed out last. */
  #handedOut: string | undefined;

  constructor(store: OAuthStore, interactive: InteractiveSide | null = null) {
    this.#store = store;
    this.#interactive = interactive;
    this.redirectUrl = interactive?.redirectUrl ?? "http://127.0.0.1/callback";
    this.clientMetadata = {
      client_name: "wire-kernel",
      redirect_uris: [this.redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
    if (interactive === null) return;
    const { state, redirectUrl } = interactive;
    this.state = () => state;
    this.saveClientInformation = (client) => {
      store.update({ client, redirect_port: Number(new URL(redirectUrl).port) });
    };
  }

  clientInformation(): StoredOAuthClientInformation | undefined {
    const { client } = this.#store.read();
    this.needsUser ||= client === undefined;
    return client;
  }

  tokens(): StoredOAuthTokens | undefined {
    const { tokens } = this.#store.read();
    this.#handedOut = tokens?.refresh_token;
    return tokens;
  }

  saveTokens(tokens: StoredOAuthTokens): void {
    this.#store.update({ tokens });
  }

  redirectToAuthorization(url: URL): void {
    this.needsUser = true;
    this.#interactive?.show(url);
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }

  codeVerifier(): string {
    return this.#verifier;
  }

  saveDiscoveryState(discovery: OAuthDiscoveryState): void {
    this.#discovery = discovery;
  }

  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovery;
  }

  /** Another kernel may have refreshed meanwhile: its tokens stay. */
  invalidateCredentials(scope: "all" | "client" | "tokens" | "verifier" | "discovery"): void {
    const stored = this.#store.read();
    if (scope === "verifier" || scope === "all") this.#verifier = "";
    if (scope === "discovery" || scope === "all") this.#discovery = undefined;
    if (scope === "client" || scope === "all") this.#store.update({ client: undefined, redirect_port: undefined });
    if ((scope === "tokens" || scope === "all") && stored.tokens?.refresh_token === this.#handedOut) {
      this.#store.update({ tokens: undefined });
    }
  }
}
