/**
 * A kernel dies at a file operation, the one that repairs its session dies too: a third one makes of it exactly what one
 * that lives makes of the first death.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readJournal } from "./journal-reader.js";
import type { SessionLog } from "./session-log.js";
import { delivered, turnSteps } from "./testing/scripted-turn.js";
import { type Operation, shimmedOperations } from "./testing/shimmed-operations.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";

/** The file calls of a kernel that dies at the n-th one; with `torn` half of what that one writes gets to the file. */
function mortal(n: number, torn: boolean, log: Operation[] = []) {
  return shimmedOperations(
    ({ name }, number) => {
      // A dead process holds no file open either.
      if (number < n || name === "close") return null;
      return torn && number === n && name === "write" ? "short" : { errno: "EIO" };
    },
    log,
    false,
  );
}

async function live(log: SessionLog): Promise<void> {
  await log.acquire();
  for (const tag of ["go", "more"]) {
    for (const [, step] of turnSteps(tag)) step(log);
    log.rotateContext([{ role: "user", content: `rotated behind ${tag}` }]);
  }
}

/** Opens the session and ends what is open. */
async function recover(log: SessionLog, keepOpenTurn: boolean): Promise<void> {
  await log.acquire(undefined, { keepOpenTurn });
  log.settleOpenTurn();
  log.checkpoint();
}

/** Runs it in a kernel that may die; then its locks are those of a process that is gone. */
async function dying(
  share: TempShare,
  clock: number,
  ops: ReturnType<typeof mortal>,
  work: (log: SessionLog) => unknown,
) {
  const log = share.open({ ops, clock: () => clock });
  try {
    await work(log);
  } catch {
    // It is dead.
  }
  log.park();
  log.close({ clean: false });
  const locks = join(share.shareDir, "locks");
  if (!fs.existsSync(locks)) return;
  for (const entry of fs.readdirSync(locks, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const text = entry.isFile() ? fs.readFileSync(path, "utf8") : "";
    if (text.endsWith("}\n")) fs.writeFileSync(path, text.replace(/"(pid|thread)":\d+/g, '"$1":4194303'));
  }
}

/** With the hard links of the original: they tell how far a rotation or a takeover came. */
function copyOf(share: TempShare): TempShare {
  const copy = tempShare();
  const known = new Map<number, string>();
  for (const entry of fs.readdirSync(share.shareDir, { recursive: true, withFileTypes: true })) {
    const from = join(entry.parentPath, entry.name);
    const to = from.replace(share.shareDir, copy.shareDir);
    const { ino } = fs.statSync(from);
    const linked = known.get(ino);
    if (entry.isDirectory()) fs.mkdirSync(to, { recursive: true });
    else if (linked !== undefined) fs.linkSync(linked, to);
    else fs.copyFileSync(from, to);
    known.set(ino, to);
  }
  return copy;
}

/** What a third kernel finds and leaves. */
async function outcome(share: TempShare, keepOpenTurn: boolean) {
  const log = share.open({ clock: () => 2 });
  await recover(log, keepOpenTurn);
  const { messages } = log.load();
  const { lastTurn, epoch } = { lastTurn: log.lastTurn(), epoch: log.epoch };
  log.close({ clean: false });
  const { dir, journal } = share.paths();
  // A session that holds nothing is deleted.
  const names = (fs.existsSync(dir) ? fs.readdirSync(dir) : []).filter((name) => name.endsWith(".jsonl"));
  const files = Object.fromEntries(names.sort().map((name) => [name, fs.readFileSync(join(dir, name), "utf8")]));
  const { lastSeq, repairs } = readJournal(journal);
  return { seen: { messages, lastTurn, files, repairs }, epoch, lastSeq };
}

test("whatever the two were doing", { timeout: 120_000 }, async () => {
  const operations: Operation[] = [];
  const whole = tempShare();
  await dying(whole, 1, mortal(Infinity, false, operations), live);
  whole.remove();
  expect(operations.length).toBeGreaterThan(100);
  for (const [index, first] of operations.entries()) {
    // Every third one, for the sake of time.
    if (index % 3 !== 0) continue;
    const keepOpenTurn = index % 2 === 0;
    const dead = tempShare();
    await dying(dead, 1, mortal(index + 1, index % 4 < 2), live);
    const once = copyOf(dead);
    const repairs: Operation[] = [];
    await dying(once, 2, mortal(Infinity, false, repairs), (log) => recover(log, keepOpenTurn));
    once.remove();
    const plain = copyOf(dead);
    const wanted = await outcome(plain, keepOpenTurn);
    plain.remove();
    const second = (index * 7) % repairs.length;
    await dying(dead, 2, mortal(second + 1, index % 5 < 2), (log) => recover(log, keepOpenTurn));
    const { seen, epoch, lastSeq } = await outcome(dead, keepOpenTurn);
    const label = `${index} ${first.name} ${first.file}, then ${second} ${repairs[second]?.name} ${repairs[second]?.file}`;
    expect({ label, ...seen }).toEqual({ label, ...wanted.seen });
    expect([label, epoch >= wanted.epoch, lastSeq >= wanted.lastSeq]).toEqual([label, true, true]);
    dead.remove();
  }
});

test("a turn's end of which only some records were written is written anew, and nothing of it twice", async () => {
  const dead = tempShare();
  await dying(dead, 1, mortal(Infinity, false), async (log) => {
    await log.acquire();
    for (const [name, step] of turnSteps()) {
      step(log);
      if (name === "intent") break;
    }
    log.append([delivered("CompactionBegin", {})]);
    log.note({ kind: "steer", steer_id: "s", client_id: null, user_input: "turn left" });
  });
  // So that the session files are there already.
  await dying(dead, 2, mortal(Infinity, false), (log) => log.acquire(undefined, { keepOpenTurn: true }));
  const whole = copyOf(dead);
  const wanted = await outcome(whole, false);
  const journal = fs.readFileSync(whole.paths().journal, "utf8").split(/(?<=\n)/);
  whole.remove();
  const begin = journal.findLastIndex((line) => line.includes('"kind":"owner"'));
  const end = journal.findIndex((line) => line.includes('"kind":"turn_end"'));
  expect(end - begin).toBeGreaterThan(6);
  for (let kept = begin + 1; kept <= end; kept += 1) {
    const torn = copyOf(dead);
    fs.writeFileSync(torn.paths().journal, journal.slice(0, kept).join(""));
    const { seen } = await outcome(torn, false);
    expect([kept, seen]).toEqual([kept, wanted.seen]);
    expect(seen.files["context.jsonl"]?.match(/turn left/g)).toHaveLength(1);
    expect(seen.files["wire.jsonl"]?.match(/SteerInput|CompactionEnd/g)).toHaveLength(2);
    torn.remove();
  }
  dead.remove();
});
