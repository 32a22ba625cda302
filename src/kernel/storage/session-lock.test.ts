import * as fs from "node:fs";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nodeFileOperations } from "./file-operations.js";
import { readJournal } from "./journal-reader.js";
import { describeSelf, judgeHolder, type LockHolder, parseHolder } from "./lock-holder.js";
import { type LockOptions, SessionLock } from "./session-lock.js";
import { bundleProgram, type ChildProgram, startProgram } from "./testing/child-program.js";
import { type TempShare, tempShare, WORK_DIR } from "./testing/temp-share.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lock-"));
});

afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const lockPath = () => join(folder, "locks", "S1");

function options(instanceId: string, waitMs = 0): LockOptions {
  const place = { lock: lockPath(), claims: join(folder, "locks", ".claims", "S1") };
  return { ops: nodeFileOperations, place, instanceId, waitMs };
}

function writeHolder(change: Partial<LockHolder>): void {
  fs.mkdirSync(join(folder, "locks"), { recursive: true });
  const holder = { ...describeSelf("other"), epoch: 7, released: false, ...change };
  fs.writeFileSync(lockPath(), JSON.stringify(holder));
}

const held = () => parseHolder(fs.readFileSync(lockPath(), "utf8"));

test("the epoch grows with every owner and outlives the lock", async () => {
  const first = await SessionLock.acquire(options("a"));
  expect(held()).toMatchObject({ pid: process.pid, instance: "a", epoch: 1, released: false });
  first.release();
  expect(held()).toMatchObject({ epoch: 1, released: true });
  const second = await SessionLock.acquire(options("b"));
  expect(second.epoch).toBe(2);
  second.raiseAbove(9);
  expect(second.epoch).toBe(10);
  second.verify();
  second.remove();
  expect(fs.existsSync(lockPath())).toBe(false);
  expect(fs.readdirSync(join(folder, "locks", ".claims"))).toEqual([]);
});

test("two kernels of one process are two holders", async () => {
  const lock = await SessionLock.acquire(options("a"));
  await expect(SessionLock.acquire(options("b", 30))).rejects.toMatchObject({
    code: "session_locked",
    data: { pid: process.pid },
  });
  lock.release();
  (await SessionLock.acquire(options("b"))).release();
});

describe("a holder is judged", () => {
  const self = describeSelf("x");
  const cases: [string, Partial<LockHolder>, string][] = [
    ["this thread", {}, "alive"],
    ["released", { released: true }, "gone"],
    ["a pid that is absent", { pid: 2 ** 22 - 3, thread: 2 ** 22 - 3 }, "gone"],
    ["another start time: the pid was used again", { start_time: "1" }, "gone"],
    ["a thread that has ended", { thread: 2 ** 22 - 3 }, "gone"],
    ["another boot of this machine", { boot: "before" }, "gone"],
    ["another host", { host: "elsewhere" }, "unknown"],
    ["another machine of the same name", { machine: "m2", boot: "b2" }, "unknown"],
    ["another pid namespace", { pid_namespace: "pid:[1]" }, "unknown"],
  ];
  test.each(cases)("%s", (_name, change, fate) => {
    expect(judgeHolder({ ...self, epoch: 1, released: false, ...change }, self)).toBe(fate);
  });

  test("another boot where the machine has no id", () => {
    const bare = { ...self, machine: "" };
    expect(judgeHolder({ ...bare, boot: "before", epoch: 1, released: false }, bare)).toBe("unknown");
  });
});

test("a stale lock is taken over, one that cannot be judged is not", async () => {
  writeHolder({ start_time: "1" });
  const lock = await SessionLock.acquire(options("a"));
  expect(lock.epoch).toBe(8);
  writeHolder({ host: "elsewhere" });
  await expect(SessionLock.acquire(options("b"))).rejects.toThrow(`remove ${lockPath()} if it is surely gone`);
  expect(() => lock.verify()).toThrow(expect.objectContaining({ code: "session_locked" }));
  lock.release();
  expect(held()).toMatchObject({ host: "elsewhere", released: false });
});

test("a damaged lock file does not lock for ever, a claim of the dead is passed over", async () => {
  fs.mkdirSync(join(folder, "locks", ".claims"), { recursive: true });
  fs.writeFileSync(lockPath(), "\0\0\0");
  const dead = { ...describeSelf("dead"), start_time: "1", epoch: 1, released: false };
  fs.writeFileSync(join(folder, "locks", ".claims", "S1.1"), JSON.stringify(dead));
  const lock = await SessionLock.acquire(options("a"));
  expect(lock.epoch).toBe(2);
  expect(fs.readdirSync(join(folder, "locks", ".claims"))).toEqual([]);
});

test("a holder that is a stopped process is never robbed", async () => {
  const child = startProgram(writeProgram("setInterval(() => {}, 1000); console.log('up');"), []);
  await child.next();
  const pid = child.process.pid ?? 0;
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
  const start_time = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  writeHolder({ pid, thread: pid, start_time });
  child.process.kill("SIGSTOP");
  await expect(SessionLock.acquire(options("a", 50))).rejects.toMatchObject({ code: "session_locked", data: { pid } });
  await child.kill();
  expect((await SessionLock.acquire(options("a"))).epoch).toBe(8);
});

test("a worker thread that was terminated lets go, although its process lives", async () => {
  const program = writeProgram(`
    import { parentPort } from "node:worker_threads";
    import { readlinkSync } from "node:fs";
    parentPort.postMessage(readlinkSync("/proc/thread-self"));
    setInterval(() => {}, 1000);`);
  const worker = new Worker(program);
  const self = await new Promise<string>((resolve) => worker.once("message", resolve));
  const thread = Number(self.split("/").at(-1));
  const stat = fs.readFileSync(`/proc/${process.pid}/task/${thread}/stat`, "latin1");
  const start_time = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  writeHolder({ pid: process.pid, thread, start_time });
  await expect(SessionLock.acquire(options("a"))).rejects.toMatchObject({ code: "session_locked" });
  await worker.terminate();
  expect((await SessionLock.acquire(options("a", 1000))).epoch).toBe(8);
});

function writeProgram(source: string): string {
  const path = join(folder, "program.mjs");
  fs.writeFileSync(path, source);
  return path;
}

describe("racing processes", () => {
  let share: TempShare;
  let racers: ChildProgram[] = [];

  beforeEach(() => {
    share = tempShare();
  });

  afterEach(async () => {
    await Promise.all(racers.map((racer) => racer.kill()));
    share.remove();
  });

  test("8 racers, 25 rounds: one writer a round, seq contiguous", { timeout: 120_000 }, async () => {
    const program = bundleProgram("racer-program", folder);
    const start = async () => {
      const racer = startProgram(program, [share.shareDir, WORK_DIR, "S1"]);
      expect(await racer.next()).toBe("ready");
      return racer;
    };
    racers = await Promise.all(Array.from({ length: 8 }, start));
    let lastEpoch = 0;
    let lastSeq = 0;
    for (let round = 0; round < 25; round += 1) {
      for (const racer of racers) racer.send(`r${round}`);
      const answers = await Promise.all(racers.map((racer) => racer.next()));
      const winners = answers.flatMap((answer, index) => (answer?.startsWith("won ") ? [index] : []));
      expect(winners, answers.join(", ")).toHaveLength(1);
      expect(answers.filter((answer) => answer === "locked")).toHaveLength(7);
      const winner = winners[0] ?? 0;
      const [epoch = 0, first = 0, second, third = 0] = (answers[winner] ?? "").split(" ").slice(1).map(Number);
      expect(epoch).toBeGreaterThan(lastEpoch);
      expect(first).toBeGreaterThan(lastSeq);
      expect([second, third]).toEqual([first + 1, first + 2]);
      lastEpoch = epoch;
      lastSeq = third;
      const racer = racers[winner];
      if (round % 3 === 0) {
        racer?.send("release");
        expect(await racer?.next()).toBe("released");
      } else {
        await racer?.kill();
        racers[winner] = await start();
      }
    }
    const journal = readJournal(share.paths().journal);
    expect(journal.repairs).toEqual([]);
    expect(journal.records.map((record) => record.seq)).toEqual(
      Array.from({ length: journal.records.length }, (_, index) => journal.firstSeq + index + 1),
    );
    const words = journal.records.filter((record) => record.kind === "event").map((record) => record.text);
    expect(words).toHaveLength(75);
  });
});
