import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createConnection } from "./connection.js";
import { WireError } from "./errors.js";
import { stdioTransport } from "./transport.js";

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

let folder = "";
let fixture = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wire-process-"));
  fixture = join(folder, "fixture.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("./testing/stdio-fixture.ts", import.meta.url))],
    outfile: fixture,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    // vscode-jsonrpc is CommonJS and requires Node's own modules.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "silent",
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function start() {
  const child: Child = spawn(process.execPath, [fixture], { stdio: ["pipe", "pipe", "pipe"] });
  const closed = new Promise<{ code: number | null; report: unknown }>((resolve) => {
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("close", (code) => resolve({ code, report: stderr.startsWith("{") ? JSON.parse(stderr) : stderr }));
  });
  return { child, closed };
}

/** The numbers of the fixture's lines. */
function lineNumbers(text: string): number[] {
  return text
    .split("\n")
    .slice(0, -1)
    .flatMap((line) => {
      const value: { n?: number } = JSON.parse(line);
      return value.n === undefined ? [] : [value.n];
    });
}

describe("a real process", () => {
  it("sees a broken pipe once, keeps its queue small meanwhile, and ends by itself", async () => {
    const { child, closed } = start();
    child.stdin.on("error", () => {});
    child.stdin.write('{"id":"f","method":"flood"}\n');
    let text = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) {
      text += chunk;
      if (text.length > 2_000_000) {
        break;
      }
    }
    const { code, report } = await closed;
    expect(code).toBe(0);
    expect(report).toMatchObject({ kind: "write_failed", flushed: false });
    expect((report as { error: string }).error).toMatch(/^(EPIPE|ECONNRESET)$/);
    expect((report as { mostQueued: number }).mostQueued).toBeLessThan(1024 * 1024 + 1024);
    const numbers = lineNumbers(text.slice(0, text.lastIndexOf("\n") + 1));
    expect(numbers.length).toBeGreaterThan(10_000);
    expect(numbers.every((n, index) => n === index)).toBe(true);
  });

  it("answers what came before EOF, ignores half a line, and exits 0", async () => {
    const { child, closed } = start();
    child.stdin.end('{"id":"a","method":"echo","params":1}\n{"id":"b","method":"echo","params":2}');
    const text = (await child.stdout.setEncoding("utf8").toArray()).join("");
    expect(text).toBe('{"jsonrpc":"2.0","id":"a","result":1}\n');
    expect(await closed).toMatchObject({
      code: 0,
      report: { kind: "eof", flushed: true, dropped: 0, ignored: { truncated_input: 1 } },
    });
  });

  it("delivers 8 MB that were written just before the end", async () => {
    const { child, closed } = start();
    const lines = 50_000;
    child.stdin.end(`{"id":"b","method":"burst","params":{"lines":${lines}}}\n`);
    const text = (await child.stdout.setEncoding("utf8").toArray()).join("");
    expect(text.length).toBeGreaterThan(8_000_000);
    expect(lineNumbers(text)).toHaveLength(lines);
    expect(text.endsWith(`{"jsonrpc":"2.0","id":"b","result":{"lines":${lines}}}\n`)).toBe(true);
    expect(await closed).toMatchObject({ code: 0, report: { flushed: true } });
  });

  it.each(["SIGKILL", "SIGTERM"] as const)("settles every pending call of its client after %s", async (signal) => {
    const { child, closed } = start();
    const client = createConnection({ transport: stdioTransport(child.stdout, child.stdin), methods: {} });
    client.serve({});
    expect(await client.request("echo", { up: true })).toEqual({ up: true });
    const settled: string[] = [];
    const calls = Array.from({ length: 20 }, (_unused, n) =>
      client.request("hold", { n }).then(
        () => settled.push("resolved"),
        (error: unknown) => settled.push(error instanceof WireError ? error.code : String(error)),
      ),
    );
    await client.request("echo", {});
    child.kill(signal);
    await Promise.all(calls);
    expect(settled).toEqual(Array.from({ length: 20 }, () => "closed"));
    await expect(client.request("echo", {})).rejects.toMatchObject({ code: "closed" });
    await client.close();
    await closed;
  });
});
