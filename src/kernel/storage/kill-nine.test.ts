import * as fs from "node:fs";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readJournal } from "./journal-reader.js";
import { replaySession } from "./replay.js";
import { bundleProgram, startProgram } from "./testing/child-program.js";
import { type TempShare, tempShare, WORK_DIR } from "./testing/temp-share.js";

let share: TempShare;
let folder: string;

beforeEach(() => {
  share = tempShare();
  folder = mkdtempSync(join(tmpdir(), "kill-"));
});

afterEach(() => {
  share.remove();
  fs.rmSync(folder, { recursive: true, force: true });
});

test("50 kills at random times: nothing that was acknowledged is missing", { timeout: 180_000 }, async () => {
  const program = bundleProgram("writer-program", folder);
  const acked: string[] = [];
  const resumed = share.open();
  for (let run = 0; run < 50; run += 1) {
    const child = startProgram(program, [share.shareDir, WORK_DIR, "S1", String(run)]);
    const said: string[] = [];
    const first = await child.next();
    if (first !== null) said.push(first);
    const reading = (async () => {
      for (let line = await child.next(); line !== null; line = await child.next()) said.push(line);
    })();
    // A pseudo-random moment within the child's first turns, the same in every run of this test.
    await sleep((run * 7919) % 23);
    await child.kill();
    await reading;
    expect(said.length).toBeGreaterThan(0);
    acked.push(...said);
    const seqs = said.flatMap((line) => (line.startsWith("word ") ? [Number(line.split(" ")[1])] : []));
    expect(readJournal(share.paths().journal).lastSeq).toBeGreaterThanOrEqual(Math.max(0, ...seqs));
  }
  await resumed.acquire();
  const replayed = [...replaySession(share.paths())];
  const wire = replayed.map((record) => `${record.type} ${record.json}`).join("\n");
  const words = acked.filter((line) => line.startsWith("word ")).map((line) => line.split(" ")[2] ?? "");
  expect(words.length).toBeGreaterThan(500);
  expect(words.filter((word) => !wire.includes(`${word} `))).toEqual([]);
  for (const line of acked) {
    const [what, id] = line.split(" ");
    if (what === "result") expect(wire).toContain(`"tool_call_id":"${id}"`);
    if (what === "intent") expect(wire).toContain(`"id":"${id}"`);
  }
  const count = (type: string) => replayed.filter((record) => record.type === type).length;
  expect(count("TurnEnd")).toBe(count("TurnBegin"));
  expect(count("ToolResult")).toBe(count("ToolCall"));
  const messages = resumed.load().messages;
  const spoken = messages.flatMap((message) => message.content.map((part) => (part.type === "text" ? part.text : "")));
  const users = acked.filter((line) => line.startsWith("user ")).map((line) => line.split(" ")[1]);
  expect(users.filter((tag) => !spoken.includes(tag ?? ""))).toEqual([]);
  expect(resumed.load().repairs.filter((repair) => repair.includes("damaged") || repair.includes("lost"))).toEqual([]);
  resumed.close({ clean: true });
});
