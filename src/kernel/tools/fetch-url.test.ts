import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchUrl } from "./fetch-url.js";
import { call, contextOf, execute, prepare, prepared } from "./testing/call-tool.js";

const PAGES: Record<string, [status: number, type: string, body: string | Buffer]> = {
  "/page": [200, "text/html; charset=utf-8", "<title>T</title><p>Hello <a href='/x'>you</a></p>"],
  "/text": [200, "text/plain; charset=iso-8859-1", Buffer.from("caf\xe9", "latin1")],
  "/json": [200, "application/problem+json", '{"a":1}'],
  "/raw": [200, "", "plain"],
  "/odd": [200, "text/plain; charset=nonsense", "é"],
  "/binary": [200, "", Buffer.from([1, 0, 2])],
  "/image": [200, "image/png", "x"],
  "/empty": [200, "text/html", "<script>1</script>"],
  "/long": [200, "text/plain", "y".repeat(60_000)],
  "/huge": [200, "text/plain", "z".repeat(5_000_001)],
  "/missing": [404, "text/plain", "no"],
  "/broken": [503, "text/plain", "no"],
};

let server: Server;
let origin: string;
const context = contextOf("/", { allowedPrivateHosts: new Set(["127.0.0.1"]) });
beforeAll(async () => {
  server = createServer((request, response) => {
    const [status, type, body] = PAGES[request.url ?? ""] ?? [302, "", ""];
    if (status === 302) response.setHeader("location", "http://elsewhere.test/x");
    if (type !== "") response.setHeader("content-type", type);
    response.writeHead(status).end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((done) => server.close(done)));
const fetched = (path: string) => call(fetchUrl, { url: origin + path }, context);

describe("FetchURL", () => {
  it("asks for the normalised URL and its host", async () => {
    const planned = await prepared(fetchUrl, { url: "HTTPS://Example.COM:443/a\u202eb c" }, contextOf("/"));
    expect(planned).toMatchObject({
      effect: "net",
      ask: {
        action: "fetch url",
        description: "Fetch `https://example.com/a%E2%80%AEb%20c`",
        display: [],
        subject: { kind: "fetch", host: "example.com" },
      },
    });
  });

  it.each([
    ["/page", "T\n\nHello [you](ORIGIN/x)", ""],
    ["/text", "café", ""],
    ["/json", '{"a":1}', ""],
    ["/raw", "plain", ""],
    ["/odd", "é", ""],
    ["/empty", "", "The page has no readable text."],
    ["/long", `${"y".repeat(50_000)}[...truncated]`, "Output is truncated to fit in the message."],
  ])("gives %s as text", async (path, output, message) => {
    expect(await fetched(path)).toEqual({
      isError: false,
      output: output.replace("ORIGIN", origin),
      message,
      display: [],
    });
  });

  it("says that a body above 5 MB was cut", async () => {
    expect((await fetched("/huge")).message).toBe(
      "The body was cut at 5000000 bytes. Output is truncated to fit in the message.",
    );
  });

  it.each([
    ["/missing", "Failed to fetch URL. Status: HTTP 404 Not Found.", "HTTP 404 Not Found"],
    ["/broken", "Failed to fetch URL. Status: HTTP 503 Service Unavailable.", "HTTP 503 Service Unavailable"],
    ["/image", "The URL gives `image/png`, which is not text.", "Not text"],
    ["/binary", "The URL gives ``, which is not text.", "Not text"],
    [
      "/away",
      "The server redirects to http://elsewhere.test/x. Fetch that URL if you need it.",
      "Redirected elsewhere",
    ],
  ])("%s is an error", async (path, message, brief) => {
    expect(await fetched(path)).toEqual({
      isError: true,
      output: "",
      message,
      display: [{ type: "brief", text: brief }],
    });
  });

  it.each([
    "http://127.0.0.1/",
    "http://0x7f.1/",
    "http://2130706433/",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://169.254.169.254/",
    "http://0.0.0.0/",
    "http://localhost/",
    "file:///etc/passwd",
    "not a url",
  ])("refuses %s before any question", async (url) => {
    expect(await prepare(fetchUrl, { url }, contextOf("/"))).toMatchObject({ isError: true });
  });

  it("ends on abort", async () => {
    const planned = await prepared(fetchUrl, { url: `${origin}/page` }, context);
    await expect(execute(planned, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });
});
