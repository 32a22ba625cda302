import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { resolveShareDir } from "../config/share-dir.js";
import { silentLogger } from "../logger.js";
import { openSession } from "./open-session.js";
import { text, turnEnd, turnSteps } from "./testing/scripted-turn.js";
import { shimmedOperations } from "./testing/shimmed-operations.js";

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "places-"));
});

afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function open(shareDir: string, workDir = "/w", sessionId = "S1", ops?: ReturnType<typeof shimmedOperations>) {
  const options = { shareDir, workDir, sessionId, logger: silentLogger, lockWaitMs: 0 };
  return openSession(ops === undefined ? options : { ...options, ops });
}

function* everything(root: string): Generator<string> {
  for (const entry of fs.readdirSync(root, { withFileTypes: true })) {
    const path = join(root, entry.name);
    yield path;
    if (entry.isDirectory()) yield* everything(path);
  }
}

describe("homes of all sorts", () => {
  const homes = ["with space and 'quotes'", "ünï-😀-名", "x".repeat(200), "-rf"];
  test.each(homes)("%s", async (home) => {
    const shareDir = resolveShareDir({}, join(folder, home, "deep"));
    const log = open(shareDir, `/work/${home}`, `id ${home.slice(0, 40)}`);
    await log.acquire();
    for (const [, step] of turnSteps()) step(log);
    log.rotateContext([{ role: "user", content: "x" }]);
    log.close({ clean: true });
    expect(open(shareDir, `/work/${home}`, `id ${home.slice(0, 40)}`).load().messages).toHaveLength(1);
  });

  test("a path that is too long is refused with a sentence", async () => {
    const log = open(join(folder, ...Array.from({ length: 30 }, () => "y".repeat(200))));
    expect(log.load().empty).toBe(true);
    await expect(log.acquire()).rejects.toMatchObject({
      code: "storage_failed",
      message: "Cannot write the session lock: the path is too long.",
    });
  });
});

test("umask 000: files are 0600, folders 0700", async () => {
  const umask = process.umask(0);
  try {
    const shareDir = join(folder, "share");
    const log = open(shareDir);
    await log.acquire();
    log.state.update({ custom_title: "t" });
    for (const [, step] of turnSteps()) step(log);
    log.rotateContext([{ role: "user", content: "x" }]);
    const modes = [...everything(shareDir)].map((path) => {
      const stat = fs.statSync(path);
      return [path, (stat.mode & 0o777).toString(8)].join(stat.isDirectory() ? " dir " : " file ");
    });
    expect(modes.length).toBeGreaterThan(10);
    expect(modes.filter((line) => !/ (dir 700|file 600)$/.test(line))).toEqual([]);
    expect(fs.statSync(shareDir).mode & 0o777).toBe(0o700);
    log.close({ clean: true });
  } finally {
    process.umask(umask);
  }
});

describe("a read-only share folder", () => {
  const readOnly = () => shimmedOperations(({ name }) => (name === "close" ? null : { errno: "EROFS" }));

  test("reading works, writing is refused with a sentence (errors from a shim)", async () => {
    const shareDir = join(folder, "share");
    const writer = open(shareDir);
    await writer.acquire();
    for (const [, step] of turnSteps()) step(writer);
    writer.close({ clean: true });
    const log = open(shareDir, "/w", "S1", readOnly());
    await expect(log.acquire()).rejects.toMatchObject({
      code: "storage_failed",
      message: "Cannot write the session lock: the file system is read-only.",
    });
    expect(log.load().messages).toHaveLength(4);
    log.close({ clean: true });
  });
});

/** True where this process may mount; elsewhere the shims in storage-faults.test.ts stand in. */
function mountTmpfs(path: string, kib: number): boolean {
  try {
    fs.mkdirSync(path);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${kib}k,mode=700`, "tmpfs", path], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe("a real small disk", () => {
  let disk: string;
  let mounted = false;

  beforeEach(() => {
    disk = join(folder, "disk");
    mounted = mountTmpfs(disk, 512);
  });

  afterEach(() => {
    if (mounted) execFileSync("umount", ["-l", disk]);
  });

  test("it fills up: the turn stops whole, its end is written, and work goes on with space", async (context) => {
    if (!mounted) return context.skip("mounting a tmpfs is not allowed here");
    const filler = join(disk, "filler");
    fs.writeFileSync(filler, Buffer.alloc(100 * 1024, 1));
    const log = open(join(disk, "share"));
    await log.acquire();
    log.beginTurn({ kind: "turn", turn_id: "t", client_id: null, user_input: "x" });
    let acked = 0;
    let stopped: unknown = null;
    while (stopped === null) {
      try {
        log.append([text(`${acked} ${"z".repeat(3000)}`)]);
        acked += 1;
      } catch (error) {
        stopped = error;
      }
    }
    expect(stopped).toMatchObject({ code: "storage_full" });
    log.append([turnEnd("t")]);
    expect(() => log.checkpoint()).toThrow(expect.objectContaining({ code: "storage_full" }));
    const next = { kind: "turn", turn_id: "u", client_id: null, user_input: "y" } as const;
    expect(() => log.beginTurn(next)).toThrow(expect.objectContaining({ code: "storage_full" }));
    const last = log.lastSeq;
    log.close({ clean: false });
    fs.rmSync(filler);
    execFileSync("mount", ["-o", "remount,size=4m", disk]);
    const again = open(join(disk, "share"));
    await again.acquire();
    expect(again.lastSeq).toBeGreaterThan(last);
    const wire = fs.readFileSync(join(disk, "share", "sessions", ...sessionFile(disk)), "utf8");
    expect(wire).toContain(`${acked - 1} zzz`);
    expect(wire).toContain('"TurnEnd"');
    again.close({ clean: true });
  });

  test("read-only: reading works, writing is refused", async (context) => {
    if (!mounted) return context.skip("mounting a tmpfs is not allowed here");
    const shareDir = join(disk, "share");
    const writer = open(shareDir);
    await writer.acquire();
    for (const [, step] of turnSteps()) step(writer);
    writer.close({ clean: true });
    execFileSync("mount", ["-o", "remount,ro", disk]);
    const log = open(shareDir);
    await expect(log.acquire()).rejects.toMatchObject({
      code: "storage_failed",
      message: "Cannot write the session lock: the file system is read-only.",
    });
    expect(log.load().messages).toHaveLength(4);
    expect(() => log.state.update({ plan_mode: true })).toThrow(expect.objectContaining({ code: "storage_failed" }));
    log.close({ clean: true });
  });
});

function sessionFile(disk: string): string[] {
  const [hash = ""] = fs.readdirSync(join(disk, "share", "sessions"));
  return [hash, "S1", "wire.jsonl"];
}
