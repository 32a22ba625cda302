import type { lookup as dnsLookup } from "node:dns";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { type HttpGetOptions, httpGet } from "./http-get.js";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

async function serve(listener: RequestListener): Promise<{ port: number; hits: string[] }> {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(request.url ?? "");
    listener(request, response);
  });
  servers.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, hits };
}

/** A fake resolver that gives one list of addresses per call. */
function resolver(...answers: string[][]): typeof dnsLookup {
  let calls = 0;
  return ((_host: string, _options: unknown, callback: (error: null, found: unknown) => void) => {
    const addresses = answers[Math.min(calls, answers.length - 1)] ?? [];
    calls += 1;
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  }) as unknown as typeof dnsLookup;
}

const get = (url: string, change: Partial<HttpGetOptions> = {}) =>
  httpGet(new URL(url), {
    allowedPrivateHosts: new Set(["127.0.0.1"]),
    signal: new AbortController().signal,
    timeoutMs: 5_000,
    maxBytes: 1_000,
    ...change,
  });

describe("httpGet", () => {
  it("gets a page of an allowed host, with its status and type", async () => {
    const { port } = await serve((_, response) => {
      response.writeHead(404, "Gone Fishing", { "content-type": "Text/Plain; charset=UTF-8" }).end("nope");
    });
    const page = await get(`http://127.0.0.1:${port}/a`);
    expect({ ...page, url: page.url.href }).toEqual({
      url: `http://127.0.0.1:${port}/a`,
      status: 404,
      statusText: "Gone Fishing",
      contentType: "text/plain; charset=utf-8",
      body: Buffer.from("nope"),
      cut: false,
    });
  });

  it.each([
    ["gzip", gzipSync("packed")],
    ["br", brotliCompressSync("packed")],
  ])("unpacks %s", async (encoding, body) => {
    const { port } = await serve((_, response) => response.writeHead(200, { "content-encoding": encoding }).end(body));
    expect((await get(`http://127.0.0.1:${port}/`)).body.toString()).toBe("packed");
  });

  it("cuts the decoded body, a compression bomb too", async () => {
    const bomb = gzipSync(Buffer.alloc(20_000_000));
    const { port } = await serve((request, response) => {
      if (request.url === "/bomb") response.writeHead(200, { "content-encoding": "gzip" }).end(bomb);
      else response.end("x".repeat(1_001));
    });
    for (const path of ["/bomb", "/long"]) {
      const page = await get(`http://127.0.0.1:${port}${path}`);
      expect([page.body.length, page.cut]).toEqual([1_000, true]);
    }
  });

  it.each([
    ["an unknown encoding", { "content-encoding": "zstd" }, "unknown content encoding"],
    ["broken gzip", { "content-encoding": "gzip" }, "The request failed: Z_DATA_ERROR."],
    ["a body that ends early", { "content-length": "99" }, "The request failed: ECONNRESET."],
  ])("fails on %s", async (_, headers, message) => {
    const { port } = await serve((_request, response) => {
      response.writeHead(200, headers as Record<string, string>).write("short");
      setImmediate(() => ("content-length" in headers ? response.destroy() : response.end()));
    });
    await expect(get(`http://127.0.0.1:${port}/`)).rejects.toThrow(message);
  });

  it.each([
    "http://127.0.0.1/",
    "http://0x7f.1/",
    "http://2130706433/",
    "http://017700000001/",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://169.254.169.254/latest/meta-data",
    "http://localhost/",
    "http://localhost./",
    "http://app.localhost/",
    "http://0.0.0.0/",
    "http://0/",
    "http://10.1.2.3/",
    "http://[fe80::1]/",
    "http://user:secret@example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "data:text/plain,x",
  ])("refuses %s without connecting", async (url) => {
    const refused = await get(url, { allowedPrivateHosts: new Set() }).catch((error) => error);
    expect(refused).toMatchObject({ code: "refused" });
  });

  it("refuses a name when any of its addresses is not public", async () => {
    const { port, hits } = await serve((_, response) => response.end("x"));
    const lookup = resolver(["93.184.216.34", "127.0.0.1"]);
    await expect(get(`http://pub.test:${port}/`, { lookup })).rejects.toThrow(
      "pub.test leads to 127.0.0.1, a loopback, private or reserved address",
    );
    expect(hits).toEqual([]);
  });

  it("looks a name up once and connects to that answer: rebinding gets nowhere", async () => {
    const { port, hits } = await serve((_, response) => response.end("x"));
    // First a documentation address that no one answers at, then loopback. A second lookup would reach the server.
    const lookup = resolver(["198.51.100.1"], ["127.0.0.1"]);
    await expect(get(`http://rebind.test:${port}/`, { lookup })).rejects.toMatchObject({ code: "refused" });
    const pinned = resolver(["127.0.0.1"], ["198.51.100.1"]);
    const page = await get(`http://rebind.test:${port}/`, {
      lookup: pinned,
      allowedPrivateHosts: new Set(["rebind.test"]),
    });
    expect(page.body.toString()).toBe("x");
    expect(hits).toHaveLength(1);
  });

  it("looks up and checks again for each redirect", async () => {
    const { port, hits } = await serve((_, response) => response.writeHead(302, { location: "/next" }).end());
    const lookup = resolver(["127.0.0.1"], []);
    const allowedPrivateHosts = new Set(["hop.test"]);
    await expect(get(`http://hop.test:${port}/`, { lookup, allowedPrivateHosts })).rejects.toThrow("no address");
    expect(hits).toEqual(["/"]);
  });

  it("follows redirects on the same host, five at most", async () => {
    const { port, hits } = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left > 0) response.writeHead(307, { location: `/${left - 1}` }).end();
      else response.end("there");
    });
    const page = await get(`http://127.0.0.1:${port}/5`);
    expect([page.body.toString(), page.url.pathname]).toEqual(["there", "/0"]);
    await expect(get(`http://127.0.0.1:${port}/6`)).rejects.toThrow("More than 5 redirects.");
    expect(hits).toHaveLength(12);
  });

  it.each(["http://other.test/x", "http://127.0.0.1:1/", "//evil.test/", "http://localhost/", "file:///etc/passwd"])(
    "reports a redirect to %s and does not follow it",
    async (location) => {
      const { port } = await serve((_, response) => response.writeHead(301, { location }).end());
      await expect(get(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: "redirected" });
    },
  );

  it("ends at the time limit, while it waits for headers or for the body", async () => {
    const { port } = await serve((request, response) => {
      if (request.url === "/body") response.write("part");
    });
    for (const path of ["/headers", "/body"]) {
      await expect(get(`http://127.0.0.1:${port}${path}`, { timeoutMs: 60 })).rejects.toThrow(
        "No complete answer within 0.06 s.",
      );
    }
  });

  it("ends on abort with the signal's reason", async () => {
    const controller = new AbortController();
    const { port } = await serve(() => controller.abort(new Error("stop")));
    await expect(get(`http://127.0.0.1:${port}/`, { signal: controller.signal })).rejects.toThrow("stop");
  });

  it("fails plainly when nothing listens", async () => {
    await expect(get("http://127.0.0.1:1/")).rejects.toThrow("The request failed: ECONNREFUSED.");
  });
});
