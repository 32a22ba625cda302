/** A journal cut inside and around each of its records: what is whole is there, nothing else, and a closed end is whole or not there. */
import * as fs from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readJournal } from "./journal-reader.js";
import { findOpenTurn } from "./open-turn-position.js";
import { turnSteps } from "./testing/scripted-turn.js";
import { tempShare } from "./testing/temp-share.js";

test("every record, at its ends and in between", { timeout: 60_000 }, async () => {
  const share = tempShare();
  const dead = share.open();
  await dead.acquire();
  for (const [name, step] of turnSteps("möre")) {
    step(dead);
    if (name === "intent") break;
  }
  fs.rmSync(share.paths().lock);
  const next = share.open();
  await next.acquire();
  next.close({ clean: true });
  const bytes = fs.readFileSync(share.paths().journal);
  const whole = readJournal(share.paths().journal);
  expect(findOpenTurn(whole.records)).toBeNull();
  const ends = [...bytes.keys()].filter((at) => bytes[at] === 10).map((at) => at + 1);
  const closing = whole.records.findIndex(({ fields }) => fields.code === "closing");
  const end = whole.records.findIndex(({ kind }) => kind === "turn_end");
  expect([closing > 10, end - closing > 2]).toEqual([true, true]);
  const path = join(share.shareDir, "cut.jsonl");
  for (let cut = bytes.length; cut > (ends[0] ?? 0); cut -= 1) {
    if (cut % 29 !== 0 && !ends.some((at) => Math.abs(at - cut) < 3)) continue;
    fs.writeFileSync(path, bytes.subarray(0, cut));
    const { records, damaged, goodLength, lastSeq, repairs } = readJournal(path);
    // The header is not among the records.
    const lines = ends.filter((at) => at <= cut).length - 1;
    const kept = lines > closing && lines <= end ? closing : lines;
    const last = whole.records[kept - 1]?.seq ?? whole.firstSeq;
    expect([cut, records.length, damaged, goodLength, lastSeq]).toEqual([cut, kept, false, ends[kept], last]);
    expect([cut, repairs.length]).toEqual([cut, goodLength === cut ? 0 : 1]);
    const turns = records.filter(({ kind }) => kind === "turn").length;
    expect([cut, findOpenTurn(records) !== null]).toEqual([cut, turns > 0 && kept <= end]);
  }
  share.remove();
});
