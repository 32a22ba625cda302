import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurnOfTheLoop } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type StubMode, stubServer } from "../../../tests_e2e/stub-mcp-server.js";
import { type Logger, silentLogger } from "../logger.js";
import { createProcessGroups } from "../processes/posix-process-groups.js";
import type { ProcessGroups } from "../processes/process-groups.js";
import { toolEnvironment } from "../processes/tool-environment.js";
import type { ToolReturn } from "../tools/tool.js";
import { McpServer, ServerUnavailable } from "./mcp-server.js";
import { McpTool } from "./mcp-tool.js";
import type { OfferedTool } from "./offered-tool.js";
import { openConnection } from "./open-connection.js";
import { readServerEntry, type StdioEntry } from "./server-entry.js";
import { ServerLog } from "./server-log.js";

let folder: string;
let processes: ProcessGroups;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-server-"));
  processes = createProcessGroups();
});
afterAll(async () => {
  await processes.close();
  rmSync(folder, { recursive: true, force: true });
});

const never = new AbortController().signal;

function server(mode: StubMode, options: { env?: Record<string, string>; timeoutMs?: number; logger?: Logger } = {}) {
  const logger = options.logger ?? silentLogger;
  const entry = readServerEntry("stub", stubServer(mode, options.env)) as StdioEntry;
  const made = new McpServer({
    entry,
    logger,
    mayAuthorize: () => false,
    connect: (signal) =>
      openConnection(
        entry,
        {
          processes,
          workDir: folder,
          env: toolEnvironment({ PATH: process.env.PATH, API_KEY: "hidden" }),
          log: new ServerLog(logger, entry),
          version: "0",
          timeoutMs: options.timeoutMs ?? 8_000,
          oauth: null,
        },
        signal,
      ),
  });
  onTestFinished(() => made.close());
  return made;
}

async function call(
  of: McpServer,
  name: string,
  args: object = {},
  options: { ms?: number; signal?: AbortSignal } = {},
) {
  const offered = of.offered?.find((tool) => tool.remoteName === name);
  if (offered === undefined) throw new Error(`no tool ${name}`);
  const tool = new McpTool(name, offered, { server: of, timeoutMs: options.ms ?? 8_000, logger: silentLogger });
  const signal = options.signal ?? never;
  const prepared = await tool.prepare(JSON.stringify(args), { toolCallId: "c", signal });
  return "execute" in prepared ? await prepared.execute({ signal, toolCallId: "c", effectId: "e" }) : prepared;
}

const said = (result: ToolReturn) => (result.output as { text: string }[])[0]?.text;

describe("McpServer", () => {
  it("connects in the background and knows its tools", async () => {
    const stub = server("good");
    expect(stub.state).toBe("pending");
    const started = stub.start();
    expect(stub.state).toBe("connecting");
    await started;
    expect(stub.state).toBe("connected");
    expect(stub.offered?.map((tool) => tool.remoteName)).toContain("ping");
    expect(said(await call(stub, "ping", { text: "x" }))).toBe("pong:x");
  });

  it("runs with a scrubbed environment plus that of its entry, in the work dir", async () => {
    const stub = server("good", { env: { STUB_KEY: "mine" } });
    await stub.start();
    const env = JSON.parse(said(await call(stub, "env")) ?? "{}");
    expect(env).toMatchObject({ STUB_KEY: "mine", NO_COLOR: "1", PWD: expect.stringContaining("mcp-server-") });
    expect(env).not.toHaveProperty("API_KEY");
  });

  it.each([
    ["exit", "it ended with exit code 3"],
    ["silent", "it did not answer within 400 ms"],
    ["flood", "it floods its output"],
    ["endless", "it sent a message above 16 MiB"],
  ] as const)("fails when a server does this: %s", async (mode, reason) => {
    const stub = server(mode, { timeoutMs: mode === "silent" ? 400 : 8_000 });
    await stub.start();
    expect(stub.state).toBe("failed");
    const logged: unknown[] = [];
    await stub.connection(AbortSignal.abort("stop")).catch((error) => logged.push(error));
    expect(logged).toEqual(["stop"]);
    await expect(boundedConnection(stub)).rejects.toThrow(reason);
  });

  it("takes 128 tools of 10,000, and of endless pages as many as it asks for", async () => {
    const many = server("many");
    const pages = server("pages");
    await Promise.all([many.start(), pages.start()]);
    expect(many.offered).toHaveLength(128);
    expect(many.notices).toHaveLength(1);
    expect(pages.offered?.length).toBe(32);
    expect(pages.notices).toHaveLength(1);
  });

  it("skips what is printed between messages and logs it without the secrets of the entry", async () => {
    const lines: string[] = [];
    const logger = { ...silentLogger, info: (fields: object) => lines.push(JSON.stringify(fields)) };
    const stub = server("chatty", { env: { STUB_KEY: "sesame-open" }, logger });
    await stub.start();
    for (let n = 0; n < 100; n++) await call(stub, "ping", { text: "x" });
    expect(lines.some((line) => line.includes("Listening"))).toBe(true);
    expect(lines.some((line) => line.includes("key [redacted]"))).toBe(true);
    expect(lines.join()).not.toContain("sesame");
    expect(lines.length).toBeLessThan(210);
  });

  it("is started again by the next call after it has ended", async () => {
    const stub = server("good");
    await stub.start();
    const first = said(await call(stub, "pid"));
    const died = await call(stub, "die");
    expect(died).toMatchObject({ isError: true, message: expect.stringMatching(/^MCP server `stub` was lost/) });
    expect(stub.state).toBe("failed");
    expect(said(await call(stub, "pid"))).not.toBe(first);
    expect(stub.state).toBe("connected");
  });

  it("is not started again for ever", async () => {
    const stub = server("good");
    await stub.start();
    for (let n = 0; n < 4; n++) expect((await call(stub, "die")).message).toContain("was lost");
    const last = await call(stub, "die");
    expect(last.message).toBe("MCP server `stub` is not available: it ended with exit code 7");
  });

  it("gives up a call in time and keeps the server", async () => {
    const stub = server("good");
    await stub.start();
    const pid = said(await call(stub, "pid"));
    const late = await call(stub, "hang", {}, { ms: 100 });
    expect(late).toMatchObject({ isError: true, message: "MCP tool `hang` did not answer within 100 ms." });
    expect(said(await call(stub, "pid"))).toBe(pid);
  });

  it("ends a call at once when it is cancelled", async () => {
    const stub = server("good");
    await stub.start();
    const stop = new AbortController();
    const offered = stub.offered?.find((tool) => tool.remoteName === "hang");
    const tool = new McpTool("hang", offered as OfferedTool, { server: stub, timeoutMs: 8_000, logger: silentLogger });
    const prepared = await tool.prepare("{}", { toolCallId: "c", signal: stop.signal });
    if (!("execute" in prepared)) throw new Error("not prepared");
    const running = prepared.execute({ signal: stop.signal, toolCallId: "c", effectId: "e" });
    // The server reads in order: once it has answered this, the call that hangs has reached it.
    await call(stub, "pid");
    const settled = running.then(
      () => "answered",
      (reason: unknown) => reason,
    );
    stop.abort("stop");
    expect(await Promise.race([settled, nextTurnOfTheLoop("late")])).toBe("stop");
    expect(stub.state).toBe("connected");
  });

  it("lets a call wait for a server that is still connecting", async () => {
    const file = join(folder, "late");
    const stub = server("late", { env: { STUB_FILE: file } });
    const waiting = stub.connection(never);
    writeFileSync(file, "");
    expect((await waiting).offer.tools.length).toBeGreaterThan(0);
  });

  it("ends its process when it is closed, connecting or connected", async () => {
    const before = server("silent");
    const during = server("good");
    void before.start();
    await during.start();
    const pid = Number(said(await call(during, "pid")));
    await Promise.all([before.close(), during.close()]);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    await expect(during.connection(never)).rejects.toBeInstanceOf(ServerUnavailable);
    expect(before.state).toBe("failed");
  });

  it("turns a protocol error into the published text, and cuts a large answer", async () => {
    const stub = server("good");
    await stub.start();
    const connection = await stub.connection(never);
    const unknown = await connection.call("nope", {}, { signal: never, timeoutMs: 5_000, effectId: "e" });
    expect(unknown).toMatchObject({ isError: true, content: [{ type: "text", text: "no such tool" }] });
    expect(said(await call(stub, "big"))).toHaveLength(100_000);
  });
});

/** Uses up the tries, so that the last reason comes out. */
async function boundedConnection(stub: McpServer): Promise<void> {
  for (let n = 0; n < 10; n++) {
    try {
      await stub.connection(never);
    } catch (error) {
      if (n === 9) throw error;
    }
  }
}
