import { expect, test } from "vitest";
import { SteerQueue } from "./steer-queue.js";

const steer = (id: string) => ({ id, userInput: id });

test("drains in the order of arrival, each steer once", () => {
  const queue = new SteerQueue();
  queue.push(steer("a"));
  queue.push(steer("b"));
  expect(queue.drain().map(({ id }) => id)).toEqual(["a", "b"]);
  expect(queue.drain()).toEqual([]);
  expect(queue.isOpen).toBe(true);
});

test("the last drain closes it only when nothing waits", () => {
  const queue = new SteerQueue();
  queue.push(steer("a"));
  expect(queue.drainOrClose()).toHaveLength(1);
  expect(queue.isOpen).toBe(true);
  expect(queue.drainOrClose()).toEqual([]);
  expect(queue.isOpen).toBe(false);
});

test("close", () => {
  const queue = new SteerQueue();
  queue.close();
  expect(queue.isOpen).toBe(false);
});
