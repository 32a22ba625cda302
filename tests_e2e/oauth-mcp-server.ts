/**
 * A fake remote MCP server with its own authorization server, on a free loopback port: discovery, registration, PKCE,
 * rotating refresh tokens. The user of it allows everything at once.
 */
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface OAuthMcpServer {
  /** Of the MCP endpoint. */
  url: string;
  /** Paths that were asked for, in order. */
  readonly requests: string[];
  /** Redirect addresses of all registered clients. */
  readonly registered: string[];
  /** Ends every access token that was given so far. */
  expireAccess(): void;
  /** Ends every refresh token too. */
  revokeAll(): void;
}

interface Reply {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

interface Grant {
  challenge: string;
  redirectUri: string;
  clientId: string;
}

/** Listens until the test ends. */
export async function startOAuthMcpServer(): Promise<OAuthMcpServer> {
  const requests: string[] = [];
  const clients = new Map<string, string>();
  const grants = new Map<string, Grant>();
  const access = new Set<string>();
  const refresh = new Set<string>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", base());
    requests.push(`${request.method} ${url.pathname}`);
    void text(request).then((body) => {
      const { status, body: value, headers } = handle(url, request, body);
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  function base(): string {
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  function handle(url: URL, request: IncomingMessage, body: string): Reply {
    if (url.pathname === "/mcp") return mcp(request, body);
    if (url.pathname.startsWith("/.well-known/oauth-protected-resource")) {
      return ok({ resource: `${base()}/mcp`, authorization_servers: [base()] });
    }
    if (url.pathname.startsWith("/.well-known/oauth-authorization-server")) return ok(metadata());
    if (url.pathname === "/register") return register(JSON.parse(body));
    if (url.pathname === "/authorize") return authorize(url.searchParams);
    if (url.pathname === "/token") return token(new URLSearchParams(body));
    return { status: 404, body: {} };
  }

  function metadata() {
    return {
      issuer: base(),
      authorization_endpoint: `${base()}/authorize`,
      token_endpoint: `${base()}/token`,
      registration_endpoint: `${base()}/register`,
      response_types_supported: ["code"],
      grant_types_supported: ["authorization_code", "refresh_token"],
      code_challenge_methods_supported: ["S256"],
      token_endpoint_auth_methods_supported: ["none"],
    };
  }

  function register(client: { redirect_uris: string[] }): Reply {
    const id = randomUUID();
    clients.set(id, client.redirect_uris[0] ?? "");
    return { status: 201, body: { ...client, client_id: id } };
  }

  function authorize(params: URLSearchParams): Reply {
    const [clientId, redirectUri] = [params.get("client_id") ?? "", params.get("redirect_uri") ?? ""];
    if (clients.get(clientId) !== redirectUri) return { status: 400, body: { error: "invalid_request" } };
    const code = randomUUID();
    grants.set(code, { challenge: params.get("code_challenge") ?? "", redirectUri, clientId });
    const back = new URL(redirectUri);
    back.searchParams.set("code", code);
    back.searchParams.set("state", params.get("state") ?? "");
    return { status: 302, body: {}, headers: { location: back.href } };
  }

  function token(params: URLSearchParams): Reply {
    if (params.get("grant_type") === "refresh_token") {
      if (!refresh.delete(params.get("refresh_token") ?? "")) return { status: 400, body: { error: "invalid_grant" } };
    } else {
      const code = params.get("code") ?? "";
      const grant = grants.get(code);
      grants.delete(code);
      const verifier = params.get("code_verifier") ?? "";
      const isRight =
        createHash("sha256").update(verifier).digest("base64url") === grant?.challenge &&
        grant.redirectUri === params.get("redirect_uri") &&
        grant.clientId === params.get("client_id");
      if (!isRight) return { status: 400, body: { error: "invalid_grant" } };
    }
    const given = { access_token: randomUUID(), refresh_token: randomUUID() };
    access.add(given.access_token);
    refresh.add(given.refresh_token);
    return ok({ ...given, token_type: "Bearer", expires_in: 3_600 });
  }

  function mcp(request: IncomingMessage, body: string): Reply {
    const bearer = request.headers.authorization?.replace(/^Bearer /, "") ?? "";
    if (!access.has(bearer)) {
      const where = `${base()}/.well-known/oauth-protected-resource/mcp`;
      return { status: 401, body: {}, headers: { "www-authenticate": `Bearer resource_metadata="${where}"` } };
    }
    if (request.method !== "POST") return { status: 405, body: {} };
    const { id, method, params } = JSON.parse(body);
    return id === undefined ? { status: 202, body: {} } : ok({ jsonrpc: "2.0", id, result: result(method, params) });
  }

  return {
    url: `${base()}/mcp`,
    requests,
    get registered() {
      return [...clients.values()];
    },
    expireAccess: () => access.clear(),
    revokeAll: () => {
      access.clear();
      refresh.clear();
    },
  };
}

function result(method: string, params: { protocolVersion?: string }): unknown {
  if (method === "initialize") {
    const serverInfo = { name: "oauth", version: "1" };
    return { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo };
  }
  if (method === "tools/list") return { tools: [{ name: "secret", inputSchema: { type: "object" } }] };
  return { content: [{ type: "text", text: "42" }] };
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function ok(body: unknown): Reply {
  return { status: 200, body };
}
