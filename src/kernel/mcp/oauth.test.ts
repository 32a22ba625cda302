import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type OAuthMcpServer, startOAuthMcpServer } from "../../../tests_e2e/oauth-mcp-server.js";
import { silentLogger } from "../logger.js";
import { createProcessGroups } from "../processes/posix-process-groups.js";
import { authorizeServer } from "./authorize-server.js";
import { StoredOAuthProvider } from "./oauth-provider.js";
import { OAuthStore } from "./oauth-store.js";
import { openConnection } from "./open-connection.js";
import { openRedirectListener } from "./redirect-listener.js";
import type { RemoteEntry } from "./server-entry.js";
import { ServerLog } from "./server-log.js";

const never = new AbortController().signal;
let share: string;
let remote: OAuthMcpServer;
let entry: RemoteEntry;
let store: OAuthStore;

beforeEach(async () => {
  share = mkdtempSync(join(tmpdir(), "mcp-oauth-"));
  remote = await startOAuthMcpServer();
  entry = { kind: "remote", name: "r", url: remote.url, transport: "http", headers: {}, oauth: true };
  store = new OAuthStore(share, entry.url);
  return () => rmSync(share, { recursive: true, force: true });
});

const deps = () => ({
  processes: createProcessGroups(),
  workDir: share,
  env: {},
  log: new ServerLog(silentLogger, entry),
  version: "0",
  timeoutMs: 5_000,
});

/** The user allows it: follows the address to the redirect. */
function allow(url: URL): void {
  void fetch(url);
}

const authorize = (show: (url: URL) => void = allow, signal = never) =>
  authorizeServer(entry, { ...deps(), store, show }, signal);

const connect = () => openConnection(entry, { ...deps(), oauth: new StoredOAuthProvider(store) }, never);

describe("authorizeServer", () => {
  it("registers, asks the user, and stores what connects from then on", async () => {
    expect(await authorize()).toBe(1);
    const folder = join(share, "mcp-oauth");
    const [file] = readdirSync(folder);
    expect(readdirSync(folder)).toHaveLength(1);
    expect(statSync(join(folder, file as string)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const connection = await connect();
    expect(connection.offer.tools.map((tool) => tool.remoteName)).toEqual(["secret"]);
    await connection.close();
  });

  it("asks nobody while the tokens are good, and refreshes those that are not", async () => {
    await authorize();
    const shown: URL[] = [];
    await authorize((url) => shown.push(url));
    const before = store.read().tokens;
    remote.expireAccess();
    await authorize((url) => shown.push(url));
    expect(shown).toEqual([]);
    expect(store.read().tokens).not.toEqual(before);
  });

  it("keeps its registration when the redirect port is free, and registers anew when it is not", async () => {
    await authorize();
    remote.revokeAll();
    await authorize();
    expect(remote.registered).toHaveLength(1);
    remote.revokeAll();
    await occupy(store.read().redirect_port as number);
    await authorize();
    expect(remote.registered).toHaveLength(2);
  });

  it("refuses a redirect without its state, and goes on waiting", async () => {
    const statuses: number[] = [];
    await authorize(async (url) => {
      const back = new URL(url.searchParams.get("redirect_uri") as string);
      back.searchParams.set("code", "forged");
      statuses.push((await fetch(back)).status);
      back.searchParams.set("state", "forged");
      statuses.push((await fetch(back)).status);
      allow(url);
    });
    expect(statuses).toEqual([400, 400]);
  });

  it("fails when the user says no", async () => {
    const denied = authorize((url) => {
      const back = new URL(url.searchParams.get("redirect_uri") as string);
      back.searchParams.set("error", "access_denied");
      back.searchParams.set("state", url.searchParams.get("state") as string);
      void fetch(back);
    });
    await expect(denied).rejects.toThrow("the authorization server said access_denied");
    expect(store.hasTokens).toBe(false);
  });

  it("ends with its signal and leaves no listener behind", async () => {
    const stop = new AbortController();
    let redirect = "";
    const waiting = authorize((url) => {
      redirect = url.searchParams.get("redirect_uri") as string;
      stop.abort("enough");
    }, stop.signal);
    await expect(waiting).rejects.toBe("enough");
    await expect(fetch(redirect)).rejects.toThrow();
  });
});

describe("a kernel with stored tokens", () => {
  it("refreshes them by itself", async () => {
    await authorize();
    remote.expireAccess();
    const connection = await connect();
    const answer = await connection.call("secret", {}, { signal: never, timeoutMs: 5_000, effectId: "e" });
    expect(answer.content).toEqual([{ type: "text", text: "42" }]);
    await connection.close();
  });

  it("neither asks nor registers when they are gone", async () => {
    await authorize();
    remote.revokeAll();
    const before = remote.requests.length;
    await expect(connect()).rejects.toMatchObject({ reason: "unauthorized" });
    expect(remote.requests.slice(before).filter((path) => /register|authorize$/.test(path))).toEqual([]);
  });

  it("takes the tokens that another kernel has refreshed meanwhile", async () => {
    await authorize();
    const mine = new StoredOAuthProvider(store);
    mine.tokens();
    remote.expireAccess();
    await (await connect()).close();
    mine.invalidateCredentials("tokens");
    expect(store.hasTokens).toBe(true);
    mine.tokens();
    mine.invalidateCredentials("tokens");
    expect(store.hasTokens).toBe(false);
  });

  it("calls a 401 without OAuth unauthorized too", async () => {
    const plain = openConnection({ ...entry, oauth: false }, { ...deps(), oauth: null }, never);
    await expect(plain).rejects.toMatchObject({ reason: "unauthorized" });
  });
});

describe("openRedirectListener", () => {
  it("listens on the loopback address only, and answers nothing but its path", async () => {
    const listener = await openRedirectListener(0, "s");
    onTestFinished(() => listener.close());
    expect(new URL(listener.url).hostname).toBe("127.0.0.1");
    expect((await fetch(new URL("/other?state=s", listener.url))).status).toBe(404);
    expect((await fetch(`${listener.url}?state=s`, { method: "POST" })).status).toBe(404);
  });
});

async function occupy(port: number): Promise<void> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  expect((server.address() as AddressInfo).port).toBe(port);
}
