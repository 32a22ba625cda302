import { expect, test } from "vitest";
import { EventChannel } from "./event-channel.js";

async function collect(channel: AsyncIterable<number>): Promise<number[]> {
  const seen: number[] = [];
  for await (const item of channel) seen.push(item);
  return seen;
}

test("what was pushed before and after the reader came, in order, until it is closed", async () => {
  const channel = new EventChannel<number>();
  channel.push(1);
  channel.push(2);
  const seen = collect(channel);
  await new Promise(setImmediate);
  channel.push(3);
  channel.close();
  channel.push(4);
  expect(await seen).toEqual([1, 2, 3]);
  expect(await collect(channel)).toEqual([]);
});

test("a reader that stops leaves the rest for the next one", async () => {
  const channel = new EventChannel<number>();
  for (const item of [1, 2, 3]) channel.push(item);
  channel.close();
  for await (const item of channel) if (item === 1) break;
  expect(await collect(channel)).toEqual([2, 3]);
});

test("two readers share the items, and both end", async () => {
  const channel = new EventChannel<number>();
  const readers = [collect(channel), collect(channel)];
  await new Promise(setImmediate);
  channel.push(1);
  await new Promise(setImmediate);
  channel.push(2);
  channel.close();
  expect((await Promise.all(readers)).flat().sort()).toEqual([1, 2]);
});
