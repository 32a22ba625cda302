import { expect, test } from "vitest";
import type { ContextRecord } from "../storage/session-log.js";
import { DmailBox, returnToPast } from "./dmail.js";
import { History } from "./history.js";
import { innerSteers, SteerQueue } from "./steer-queue.js";

function conversation() {
  const lines: ContextRecord[] = [];
  const history = new History(
    { systemPrompt: "S", messages: [], nextCheckpoint: 0, tokenCount: null, announceCheckpoints: true },
    {
      append: (records) => void lines.push(...records),
      rotate: (records) => void lines.splice(0, lines.length, ...records),
    },
  );
  const say = (text: string) => {
    history.checkpoint();
    history.appendStep({ content: [{ type: "text", text }], toolCalls: [], usage: null }, []);
  };
  history.checkpoint();
  history.appendUser([{ type: "text", text: "go" }]);
  return { history, lines, say };
}

const roles = (lines: readonly ContextRecord[]) =>
  lines.map((line) => (line.role === "_checkpoint" ? line.id : line.role));

test("going back keeps what was before the checkpoint, and goes on numbering from it", () => {
  const { history, lines, say } = conversation();
  for (const text of ["one", "two", "three"]) say(text);
  expect(history.canRevertTo(2)).toBe(true);
  expect(history.canRevertTo(4)).toBe(false);
  returnToPast({ checkpointId: 2, message: "skip it" }, history);
  expect(roles(lines)).toEqual([
    "_system_prompt",
    0,
    "user",
    "user",
    1,
    "user",
    "assistant",
    "_usage",
    2,
    "user",
    "user",
  ]);
  expect(history.messages.at(-1)?.content).toEqual([{ type: "text", text: expect.stringMatching(/skip it$/) }]);
  expect(history.checkpoint()).toBe(3);
  expect(history.estimatedTokens).toBeGreaterThan(0);
});

test("a failed write changes nothing", () => {
  const { history, say } = conversation();
  say("one");
  const before = [...history.messages];
  const broken = new History(
    { systemPrompt: "S", messages: before, nextCheckpoint: 2, tokenCount: 5, announceCheckpoints: true },
    {
      append: () => {},
      rotate: () => {
        throw new Error("full");
      },
    },
  );
  expect(() => broken.revertTo(0, [])).toThrow("full");
  expect(broken.messages).toEqual(before);
  expect(broken.estimatedTokens).toBe(5);
  expect(() => broken.revertTo(7, [])).toThrow("no checkpoint 7");
});

test("the box holds one mail, for a checkpoint that exists", () => {
  const { history } = conversation();
  const box = new DmailBox();
  expect(box.send({ checkpointId: 0, message: "m" })).toBe("unknown_checkpoint");
  box.attach(history);
  expect(box.send({ checkpointId: 5, message: "m" })).toBe("unknown_checkpoint");
  expect(box.send({ checkpointId: 0, message: "m" })).toBe("sent");
  expect(box.send({ checkpointId: 0, message: "n" })).toBe("already_sent");
  expect([box.take(), box.take()]).toEqual([{ checkpointId: 0, message: "m" }, null]);
});

test("an agent without checkpoints is told of none", () => {
  const lines: ContextRecord[] = [];
  const seed = { systemPrompt: "S", messages: [], nextCheckpoint: 0, tokenCount: null };
  const history = new History(seed, { append: (records) => void lines.push(...records), rotate: () => {} });
  history.checkpoint();
  expect(roles(lines)).toEqual([0]);
  expect(history.canRevertTo(0)).toBe(false);
});

test("the end of an inner turn does not close the queue of the turn around it", () => {
  const queue = new SteerQueue();
  const inner = innerSteers(queue);
  expect(inner.drainOrClose()).toEqual([]);
  inner.close();
  expect(queue.isOpen).toBe(true);
  queue.push({ id: "1", userInput: "x" });
  expect(inner.drain()).toEqual([{ id: "1", userInput: "x" }]);
});
