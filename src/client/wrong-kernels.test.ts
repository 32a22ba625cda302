/** What is no kernel, no kernel any more, or one of another age, behind the supervised client. */
import { afterEach, describe, expect, test } from "vitest";
import { MAX_MESSAGE_BYTES } from "../wire/framing.js";
import { KernelProcessError, type KernelProcessErrorCode } from "./errors.js";
import type { KernelClientOptions } from "./host.js";
import { KernelClient } from "./kernel-client.js";
import { FakeLaunches } from "./testing/fake-kernel.js";
import { hasty } from "./testing/fake-timing.js";

const clients: KernelClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

/** The real clock, faster for whatever takes long. */
const HASTY = hasty();

function launch(launchers: KernelClientOptions["launchers"]): Promise<KernelClient> {
  const connecting = KernelClient.connect({ client: { name: "test" }, launchers }, HASTY);
  connecting.then(
    (client) => clients.push(client),
    () => {},
  );
  return connecting;
}

const failures = (code: KernelProcessErrorCode): KernelProcessError[] => [new KernelProcessError(code, "no")];

describe("a kernel that the user has named", () => {
  test.each<KernelProcessErrorCode>(["spawn_failed", "not_a_kernel", "version_mismatch", "not_found"])(
    "%s is the answer; nothing else is started",
    async (code) => {
      const launches = new FakeLaunches();
      const named = { ...launches.launcher("sidecar", failures(code)), isNamed: true };
      await expect(launch([named, launches.launcher("in_process")])).rejects.toMatchObject({ code });
      expect(launches.all).toEqual([]);
    },
  );

  test.each<KernelProcessErrorCode>(["exited_early", "handshake_timeout"])(
    "%s is no word about the program: the next launcher",
    async (code) => {
      const launches = new FakeLaunches();
      const named = { ...launches.launcher("sidecar", failures(code)), isNamed: true };
      const connecting = launch([named, launches.launcher("in_process")]);
      await (await launches.next()).greet([]);
      expect((await connecting).mode).toBe("in_process");
    },
  );

  test.each<KernelProcessErrorCode>(["not_found", "not_a_kernel"])(
    "%s in a restart: the session goes on in the next launcher",
    async (code) => {
      const launches = new FakeLaunches();
      const later: KernelProcessError[] = [];
      const named = { ...launches.launcher("sidecar", later), isNamed: true };
      const connecting = launch([named, launches.launcher("in_process")]);
      const first = await launches.next();
      await first.greet([]);
      const client = await connecting;
      later.push(...failures(code));
      first.die();
      const second = await launches.next();
      expect(second.mode).toBe("in_process");
      await second.greet([]);
      const planned = client.setPlanMode(false);
      second.answer(await second.next("set_plan_mode"), { status: "ok", plan_mode: false });
      expect(await planned).toBe(false);
    },
  );

  test.each([0, 126, 127])("one that ends with %i before it spoke is none", async (code) => {
    const launches = new FakeLaunches();
    const connecting = launch([launches.launcher()]);
    (await launches.next()).die({ code, stderrTail: "first\nno such program" });
    await expect(connecting).rejects.toMatchObject({
      code: "not_a_kernel",
      message: `The command is no Wire kernel: it ended with code ${code} before it answered initialize: no such program`,
    });
  });
});

describe("output that nobody can read, in mid-turn", () => {
  async function broken(act: (raw: (text: string) => void) => void): Promise<unknown> {
    const launches = new FakeLaunches();
    const connecting = launch([launches.launcher()]);
    const kernel = await launches.next();
    await kernel.greet([]);
    const turn = (await connecting).prompt("go");
    const line = await kernel.next("prompt");
    // What comes while the answer to initialize is still handed on waits behind it.
    await new Promise((resolve) => setImmediate(resolve));
    act((text) => kernel.raw(text));
    kernel.answer(line, { status: "finished" });
    return await turn.result.catch((error: unknown) => error);
  }

  test("a line above the limit may have been the answer: the kernel is dead", async () => {
    const block = "x".repeat(MAX_MESSAGE_BYTES / 100);
    const outcome = await broken((raw) => {
      for (let n = 0; n <= 100; n += 1) raw(block);
      raw("\n");
    });
    expect(outcome).toMatchObject({ code: "turn_broken", data: { cause: { kind: "bad_output" } } });
  });

  test("nothing but noise, for ten thousand lines", async () => {
    const outcome = await broken((raw) => raw("noise\n".repeat(10_001)));
    expect(outcome).toMatchObject({ code: "turn_broken", data: { cause: { kind: "bad_output" } } });
  });

  test("a tool that writes where it must not is forgiven", async () => {
    const outcome = await broken((raw) => {
      for (let n = 0; n < 3; n += 1) {
        raw("noise\n".repeat(9_000));
        raw('{"jsonrpc":"2.0","method":"event","params":{"type":"HorseBegin","payload":{}}}\n');
      }
    });
    expect(outcome).toEqual({ status: "finished" });
  });
});

describe("an end of the turn behind its answer", () => {
  test("is still the turn's, and not the next one's", async () => {
    const launches = new FakeLaunches();
    const connecting = launch([launches.launcher()]);
    const kernel = await launches.next();
    await kernel.greet([]);
    const turn = (await connecting).prompt("go");
    const line = await kernel.next("prompt");
    kernel.event("TurnBegin");
    kernel.answer(line, { status: "finished" });
    setTimeout(() => kernel.event("TurnEnd"), 20);
    const types: string[] = [];
    for await (const { type } of turn) types.push(type);
    expect(types).toEqual(["TurnBegin", "TurnEnd"]);
  });

  test("is not waited for without end", async () => {
    const launches = new FakeLaunches();
    const connecting = launch([launches.launcher()]);
    const kernel = await launches.next();
    await kernel.greet([]);
    const turn = (await connecting).prompt("go");
    const line = await kernel.next("prompt");
    kernel.event("TurnBegin");
    kernel.answer(line, { status: "finished" });
    expect(await turn.result).toEqual({ status: "finished" });
  });
});
