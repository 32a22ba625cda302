import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openLogger } from "./open-logger.js";

let shareDir = "";
beforeEach(() => {
  shareDir = mkdtempSync(path.join(tmpdir(), "kernel-log-"));
});
afterEach(() => rmSync(shareDir, { recursive: true, force: true }));

const lines = (file: string): Record<string, unknown>[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("openLogger", () => {
  it("writes buffered and later records in order, with the time at which they were made", async () => {
    const before = new Date().toISOString();
    const logger = openLogger({ shareDir, level: "info", delayMs: 0 });
    logger.info({ a: 1 }, "first");
    logger.warn({ err: new Error("boom") }, "second");
    expect(existsSync(logger.file)).toBe(false);
    await vi.waitFor(() => expect(lines(logger.file)).toHaveLength(2));
    logger.error({}, "third");
    await logger.close();
    const written = lines(logger.file);
    expect(written.map(({ level, msg }) => [level, msg])).toEqual([
      ["info", "first"],
      ["warn", "second"],
      ["error", "third"],
    ]);
    expect(written[0]).toMatchObject({ a: 1, pid: process.pid });
    expect(written[1]).toMatchObject({ err: { message: "boom" } });
    for (const { time } of written) expect(String(time) >= before).toBe(true);
  });

  it("writes what is buffered when it is closed early, and nothing after that", async () => {
    const logger = openLogger({ shareDir, level: "info", delayMs: 60_000 });
    logger.info({}, "kept");
    await logger.close();
    logger.info({}, "late");
    await logger.close();
    expect(lines(logger.file).map(({ msg }) => msg)).toEqual(["kept"]);
  });

  it("creates nothing when there is nothing to write, not even for a record after the end", async () => {
    const logger = openLogger({ shareDir, level: "debug" });
    await logger.close();
    logger.info({}, "late");
    await logger.close();
    expect(readdirSync(shareDir)).toEqual([]);
  });

  it("writes debug records only when asked to", async () => {
    for (const level of ["info", "debug"] as const) {
      const logger = openLogger({ shareDir, level });
      logger.debug({}, `at ${level}`);
      logger.info({}, "x");
      await logger.close();
    }
    const messages = lines(path.join(shareDir, "logs/kernel.log")).map(({ msg }) => msg);
    expect(messages).toEqual(["x", "at debug", "x"]);
  });

  it("bounds what it keeps before the file is open, and says how much was lost", async () => {
    const logger = openLogger({ shareDir, level: "info", delayMs: 60_000 });
    for (let i = 0; i < 1_005; i += 1) logger.info({ i }, "x");
    await logger.close();
    const written = lines(logger.file);
    expect(written).toHaveLength(1_001);
    expect(written.at(-1)).toMatchObject({ level: "warn", dropped: 5 });
  });

  it("keeps secrets out, by key, by value and by form", async () => {
    const logger = openLogger({ shareDir, level: "info" });
    logger.hide('quo"ted-secret');
    logger.hide("short");
    const plain = "plain-secret";
    logger.info({ api_key: plain, provider: { api_key: plain, headers: { authorization: plain } } }, "short");
    logger.info({ text: 'see quo"ted-secret here' }, 'quo"ted-secret');
    logger.info({ err: new Error("401 with Bearer abcdef.secret and sk-abcdefgh-secret") }, "x");
    await logger.close();
    const text = readFileSync(logger.file, "utf8");
    expect(text).not.toContain("secret");
    expect(text).toContain("short");
    expect(lines(logger.file)).toHaveLength(3);
  });

  it("survives records that cannot be written as they are", async () => {
    const logger = openLogger({ shareDir, level: "info" });
    const circular: Record<string, unknown> = { big: 1n };
    circular.self = circular;
    const hostile = {
      get trap(): never {
        throw new Error("trap");
      },
    };
    logger.info(circular, "circular");
    logger.info({ inner: hostile }, "hostile");
    logger.info(hostile, "hostile at the top");
    logger.info({}, "after");
    await logger.close();
    expect(lines(logger.file).at(-1)).toMatchObject({ msg: "after" });
  });

  it("rotates a large file when it opens it and keeps three", async () => {
    const file = path.join(shareDir, "logs/kernel.log");
    for (let round = 1; round <= 5; round += 1) {
      const logger = openLogger({ shareDir, level: "info", rotateAbove: 10 });
      logger.info({ round }, "x");
      await logger.close();
    }
    expect(readdirSync(path.dirname(file)).toSorted()).toEqual([
      "kernel.log",
      "kernel.log.1",
      "kernel.log.2",
      "kernel.log.3",
    ]);
    expect(lines(file)).toMatchObject([{ round: 5 }]);
    expect(lines(`${file}.3`)).toMatchObject([{ round: 2 }]);
  });

  it.skipIf(process.platform === "win32")(
    "is private, also when the file was not (modes exist on POSIX only)",
    async () => {
      const file = path.join(shareDir, "logs/kernel.log");
      mkdirSync(path.dirname(file));
      writeFileSync(file, "");
      chmodSync(file, 0o644);
      const logger = openLogger({ shareDir, level: "info" });
      logger.info({}, "x");
      await logger.close();
      expect(statSync(file).mode & 0o777).toBe(0o600);
    },
  );

  it("is silent where it cannot write", async () => {
    const blocked = path.join(shareDir, "file");
    writeFileSync(blocked, "");
    const logger = openLogger({ shareDir: blocked, level: "info" });
    logger.error({}, "x");
    await expect(logger.close()).resolves.toBeUndefined();
    expect(readFileSync(blocked, "utf8")).toBe("");
  });
});
