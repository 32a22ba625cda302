/** Against a fake client, for what a real kernel does only when it dies. */
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { KernelProcessError } from "../src/client/errors.js";
import { ChatLoop } from "./chat-loop.js";
import type { HostClient, HostTurn } from "./host-client.js";
import { Screen } from "./screen.js";

interface FakeChat {
  code: number;
  text: string;
  calls: string[];
}

/** Plays the lines against a client whose turns end as `end` says. */
async function play(
  lines: string[],
  openTurn: HostClient["openTurn"],
  end: (loop: ChatLoop) => HostTurn["result"],
): Promise<FakeChat> {
  const out = new PassThrough();
  const calls: string[] = [];
  const turn = (): HostTurn => {
    const result = end(loop);
    result.catch(() => {});
    return { id: null, result, async *[Symbol.asyncIterator]() {} };
  };
  const client: HostClient = {
    session: "s-1",
    mode: "sidecar",
    info: { protocol_version: "1.10", server: { name: "fake", version: "0" }, slash_commands: [] },
    openTurn,
    prompt: (input) => {
      calls.push(`prompt ${input}`);
      return turn();
    },
    resume: () => {
      calls.push("resume");
      return turn();
    },
    steer: async () => {},
    cancel: async () => {},
    close: async () => {},
  };
  const loop: ChatLoop = new ChatLoop({
    screen: new Screen({ out, env: {} }),
    flags: { config: "{}", configFile: null, model: null, agentFile: null },
    leave: () => {},
  });
  const input = {
    isTerminal: false,
    showAbove: (write: () => void) => write(),
    next: async () => lines.shift() ?? null,
  };
  const code = await loop.run(client, input);
  out.end();
  return { code, text: String(out.read() ?? ""), calls };
}

const finished = async () => ({ status: "finished" }) as const;
const dies = (code: KernelProcessError["code"]) => async () => {
  throw new KernelProcessError(code, "It died.");
};

it("offers to go on with an open turn, and does it when told", async () => {
  const { calls, text } = await play(["y", "next"], { turnId: "t" }, finished);
  expect(calls).toEqual(["resume", "prompt next"]);
  expect(text).toContain("The last turn of this session was cut short.");
});

it.each([["n"], [""]])("leaves an open turn alone at %j", async (answer) => {
  expect((await play([answer, "next"], { turnId: "t" }, finished)).calls).toEqual(["prompt next"]);
});

it("ends with 75 when the kernel is lost, also while it goes on with an open turn", async () => {
  expect(await play(["a", "b"], null, dies("crashed"))).toMatchObject({ code: 75, calls: ["prompt a"] });
  expect(await play(["y", "b"], { turnId: "t" }, dies("crashed"))).toMatchObject({ code: 75, calls: ["resume"] });
});

it("goes on when only the turn is lost", async () => {
  for (const code of ["turn_broken", "turn_quarantined"] as const) {
    const { calls, text } = await play(["a", "b"], null, dies(code));
    expect(calls).toEqual(["prompt a", "prompt b"]);
    expect(text).toContain("The turn failed: It died.\n");
  }
});

it("asks for nothing more when it was told twice to stop", async () => {
  const told = async (loop: ChatLoop) => {
    // Not before the turn runs.
    await null;
    loop.interrupt();
    loop.interrupt();
    return { status: "cancelled" } as const;
  };
  expect(await play(["a", "b"], null, told)).toMatchObject({ code: 130, calls: ["prompt a"] });
});
