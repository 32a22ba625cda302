import { expect, test } from "vitest";
import { inProcessLauncher } from "./in-process-launcher.js";

test("a thread that cannot be made to stand by is no event; the launch that needs one says why", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  try {
    // Fake, for a fault: the system makes no thread.
    const env = new Proxy<Record<string, string>>({}, { ownKeys: () => fail("no thread can be had") });
    const launcher = inProcessLauncher({ env, cwd: "/" });
    const letGo = launcher.standBy?.();
    await import("./thread-kernel.js");
    // Unhandled rejections are told before the next of these.
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
    expect(unhandled).toEqual([]);
    const { signal } = new AbortController();
    await expect(launcher.launch({ args: [], signal })).rejects.toThrow("no thread can be had");
    letGo?.();
  } finally {
    process.off("unhandledRejection", note);
  }
});

function fail(message: string): never {
  throw new Error(message);
}
