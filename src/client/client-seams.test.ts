/** What a host may do in the gaps: while a kernel is missing, while the client closes, inside its own handlers. */
import { afterEach, describe, expect, test } from "vitest";
import type { Event } from "../wire/generated/types.gen.js";
import type { KernelClientOptions } from "./host.js";
import { KernelClient } from "./kernel-client.js";
import type { KernelStateChange } from "./kernel-state.js";
import { idOf, REPLAYED, stamp, typesOf } from "./testing/client-lines.js";
import { ALL_EXTENSIONS, FakeLaunches } from "./testing/fake-kernel.js";
import { hasty } from "./testing/fake-timing.js";

const clients: KernelClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

const HASTY = hasty();
const OPEN = { turn_id: "old", client_id: "someone", seq: 7 };

async function setUp(
  extensions: readonly string[],
  options: Partial<KernelClientOptions> = {},
  openTurn?: typeof OPEN,
) {
  const launches = new FakeLaunches();
  const states: KernelStateChange["to"][] = [];
  const connecting = KernelClient.connect(
    {
      client: { name: "test" },
      launchers: [launches.launcher("sidecar"), launches.launcher("in_process")],
      ...options,
      handlers: { onState: ({ to }) => void states.push(to), ...options.handlers },
    },
    HASTY,
  );
  const kernel = await launches.next();
  await kernel.greet(extensions, openTurn);
  const client = await connecting;
  clients.push(client);
  return { launches, states, kernel, client };
}

describe("a turn that is over", () => {
  test("gets no steer and no cancel of the host any more, nor does the turn behind it", async () => {
    const { client, kernel, launches } = await setUp(ALL_EXTENSIONS);
    const turn = client.prompt("one");
    await kernel.next("prompt");
    kernel.die();
    const next = await launches.next();
    const steered = client.steer("for one");
    const cancelled = client.cancel();
    const behind = turn.result.catch(() => client.prompt("two").result);
    await next.greet();
    const prompt = await next.next("prompt");
    expect(prompt.params).toEqual({ user_input: "two" });
    await expect(steered).rejects.toMatchObject({ code: "no_turn" });
    // The turn ended with its kernel: it needs no cancel any more.
    await cancelled;
    next.answer(prompt, { status: "finished" });
    expect(await behind).toEqual({ status: "finished" });
    expect(next.lines.map(({ method }) => method)).toEqual(["initialize", "prompt"]);
  });
});

describe("closing", () => {
  test("a prompt at the end of the cancelled turn is refused and not sent", async () => {
    const { client, kernel } = await setUp(ALL_EXTENSIONS);
    const turn = client.prompt("one");
    const prompt = await kernel.next("prompt");
    const behind = turn.result.then(() => client.prompt("two").result);
    const closing = client.close();
    kernel.answer(await kernel.next("cancel"), {});
    kernel.answer(prompt, { status: "cancelled" });
    await expect(behind).rejects.toMatchObject({ code: "closed" });
    await closing;
    expect(kernel.lines.filter(({ method }) => method === "prompt")).toHaveLength(1);
  });

  test("the host's signal counts from the first word of the client on", async () => {
    const controller = new AbortController();
    const launches = new FakeLaunches();
    const connecting = KernelClient.connect({
      launchers: [launches.launcher()],
      client: { name: "test" },
      signal: controller.signal,
      handlers: { onState: ({ to }) => void (to === "starting" && controller.abort()) },
    });
    await expect(connecting).rejects.toMatchObject({ code: "aborted" });
    expect(launches.all.every(({ isDead }) => isDead)).toBe(true);
  });
});

describe("an open turn", () => {
  test("whose resumption is aborted at once is resumed and cancelled, not forgotten", async () => {
    const { client, kernel } = await setUp(ALL_EXTENSIONS, {}, OPEN);
    const turn = client.resume({ signal: AbortSignal.abort() });
    kernel.answer(await kernel.next("replay"), REPLAYED);
    const resume = await kernel.next("resume");
    kernel.answer(await kernel.next("cancel"), {});
    kernel.answer(resume, { status: "cancelled" });
    expect(await turn.result).toEqual({ status: "cancelled" });
    expect(client.openTurn).toBeNull();
  });

  test("stays open behind a prompt that was never sent, and while another kernel has the session", async () => {
    const { client, kernel } = await setUp(ALL_EXTENSIONS, {}, OPEN);
    await client.prompt("x", { signal: AbortSignal.abort() }).result;
    expect(client.openTurn?.turnId).toBe("old");
    const turn = client.resume();
    kernel.answer(await kernel.next("replay"), REPLAYED);
    const words = "The session is in use";
    kernel.refuse(await kernel.next("resume"), -32000, words, { code: "session_locked" });
    await expect(turn.result).rejects.toMatchObject({ code: "session_locked" });
    expect(client.openTurn?.turnId).toBe("old");
  });

  test("is heard to its end before a prompt ends it, by a host with a cursor", async () => {
    const heard: string[] = [];
    const onEvent = ({ type }: Event) => void heard.push(type);
    const { client, kernel } = await setUp(ALL_EXTENSIONS, { since: 5, handlers: { onEvent } }, OPEN);
    const turn = client.prompt("new");
    const replay = await kernel.next("replay");
    expect(replay.params).toEqual({ since: 5 });
    kernel.event("StepBegin", { n: 1 }, stamp(7, 5));
    kernel.answer(replay, REPLAYED);
    const prompt = await kernel.next("prompt");
    kernel.event("TurnEnd", {}, stamp(9, 7, 2));
    kernel.event("TurnBegin", {}, stamp(12, 0, 2));
    kernel.event("TurnEnd", {}, stamp(13, 12, 2));
    kernel.answer(prompt, { status: "finished" });
    expect(await turn.result).toEqual({ status: "finished" });
    expect(heard).toEqual(["StepBegin", "TurnEnd", "TurnBegin", "TurnEnd"]);
    const next = client.prompt("next");
    kernel.answer(await kernel.next("prompt"), { status: "finished" });
    await next.result;
    expect(kernel.lines.filter(({ method }) => method === "replay")).toHaveLength(1);
  });
});

test("an envelope of a subagent without an event is an event like any other", async () => {
  const { client, kernel } = await setUp(ALL_EXTENSIONS);
  const turn = client.prompt("go");
  const prompt = await kernel.next("prompt");
  kernel.event("SubagentEvent", { agent_id: "a" }, stamp(3, 0));
  kernel.event("TurnEnd", {}, stamp(4, 3));
  kernel.answer(prompt, { status: "finished" });
  expect(await typesOf(turn)).toEqual(["SubagentEvent", "TurnEnd"]);
});

test("a request that has only the id of another is asked anew, and the first answer is not for it", async () => {
  const asked: string[] = [];
  const aborted: string[] = [];
  const decide: (() => void)[] = [];
  const { client, kernel, launches } = await setUp(ALL_EXTENSIONS, {
    handlers: {
      onApproval: ({ description }, { signal }) => {
        asked.push(description);
        signal.addEventListener("abort", () => aborted.push(description));
        return new Promise((resolve) => decide.push(() => resolve({ response: "approve" })));
      },
    },
  });
  const turn = client.prompt("go");
  const prompt = await kernel.next("prompt");
  const ask = (to: typeof kernel, description: string, source_id: string) =>
    to.ask("ApprovalRequest", { id: "a1", description, source_id } as { id: string });
  kernel.event("StepBegin", { n: 1 }, stamp(3, 0));
  ask(kernel, "ls", "one");
  await expect.poll(() => asked).toEqual(["ls"]);
  const successor = async (description: string) => {
    const next = await launches.next();
    await next.greet(ALL_EXTENSIONS, { turn_id: "t", client_id: idOf(prompt), seq: 0 });
    next.answer(await next.next("replay"), REPLAYED);
    const resume = await next.next("resume");
    next.event("StepBegin", { n: 2 }, stamp((client.cursor ?? 0) + 1, client.cursor ?? 0));
    ask(next, description, "two");
    return { next, resume };
  };
  kernel.die();
  // The same, as the next kernel sends it: it joins the first.
  const { next: second } = await successor("ls");
  await expect.poll(() => client.cursor).toBe(4);
  second.die();
  const { next, resume } = await successor("rm");
  await expect.poll(() => asked).toEqual(["ls", "rm"]);
  expect(aborted).toEqual(["ls"]);
  decide[0]?.();
  decide[1]?.();
  expect((await next.next(null)).result).toMatchObject({ response: "approve" });
  expect(next.lines.filter(({ result }) => result !== undefined)).toHaveLength(1);
  next.answer(resume, { status: "finished" });
  await turn.result;
});
