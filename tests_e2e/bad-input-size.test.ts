/** F10: lines of up to 100 MiB are taken in linear time and bounded memory; a longer one is refused and skipped. */
import { once } from "node:events";
import { expect, it } from "vitest";
import { type KernelProcess, startKernel } from "./kernel-process.js";
import { memoryMiB, processorMs, until } from "./process-scan.js";
import { createWorkspace } from "./workspace.js";

const MIB = 1024 * 1024;

/** Sends a cancel of exactly `bytes` bytes with its LF; gives the milliseconds of work until it was answered. */
async function sendLine(kernel: KernelProcess, id: string, bytes: number, answer: string | null): Promise<number> {
  const head = `{"jsonrpc":"2.0","id":"${id}","method":"cancel","params":{"pad":"`;
  const tail = '"}}\n';
  const begin = processorMs(kernel);
  kernel.raw(head);
  const piece = Buffer.alloc(MIB, "x");
  for (let left = bytes - head.length - tail.length; left > 0; left -= piece.length) {
    if (!kernel.child.stdin.write(piece.subarray(0, Math.min(left, piece.length)))) {
      await once(kernel.child.stdin, "drain");
    }
  }
  kernel.raw(tail);
  await kernel.response(answer, 20_000);
  return processorMs(kernel) - begin;
}

const noTurn = (id: string) => ({ id, error: { code: -32000, message: "No agent turn is in progress" } });

it("B-013 F10 lines of 1 to 100 MiB are answered in linear time", async () => {
  const kernel = startKernel(createWorkspace());
  await kernel.call("cancel");
  const times = new Map<number, number>();
  for (const size of [1, 16, 31, 33, 64, 100]) {
    const id = `m${size}`;
    times.set(size, await sendLine(kernel, id, size * MIB, id));
    expect(await kernel.response(id)).toMatchObject(noTurn(id));
  }
  // Quadratic splitting would need 16 times the work of 16 MiB.
  const [small, large] = [times.get(16) as number, times.get(64) as number];
  expect(large, `16 MiB took ${small} ms, 64 MiB ${large} ms`).toBeLessThan(8 * Math.max(small, 150));
  const probe = await kernel.call("cancel");
  expect(probe).toMatchObject(noTurn(probe.id as string));
}, 40_000);

it("B-014 F10 a line above 100 MiB is refused with id null, skipped in bounded memory, and the next line works", async () => {
  const kernel = startKernel(createWorkspace());
  await kernel.call("cancel");
  const before = memoryMiB(kernel, "VmHWM");
  await sendLine(kernel, "too-long", 300 * MIB, null);
  const refusals = kernel.log.filter((m) => m.id === null);
  expect(refusals).toMatchObject([{ error: { code: -32600, message: "Invalid request" } }]);
  const probe = await kernel.call("cancel");
  expect(probe).toMatchObject(noTurn(probe.id as string));
  expect(kernel.log.filter((m) => m.id === "too-long" || m.id === null)).toHaveLength(1);
  // The cap itself may be held once, with as much again for its decoding; 300 MiB may not.
  expect(memoryMiB(kernel, "VmHWM") - before).toBeLessThan(240);
}, 40_000);

it("B-015 F10 one byte above the cap is refused, and a whole 101 MiB line is not executed", async () => {
  const kernel = startKernel(createWorkspace());
  await kernel.call("cancel");
  await sendLine(kernel, "just-over", 100 * MIB + 2, null);
  await sendLine(kernel, "over", 101 * MIB, null);
  await until("two refusals", () => kernel.log.filter((m) => m.id === null).length >= 2);
  const probe = await kernel.call("cancel");
  expect(probe).toMatchObject(noTurn(probe.id as string));
  expect(kernel.log.filter((m) => m.id === null)).toHaveLength(2);
  expect(kernel.log.some((m) => m.id === "just-over" || m.id === "over")).toBe(false);
}, 40_000);
