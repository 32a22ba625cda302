import { describe, expect, test } from "vitest";
import { FakeProvider, failing, providerError, reply, stuck } from "../testing/fake-provider.js";
import { type FixtureOptions, turnFixtures } from "../testing/turn-fixture.js";

const fixtures = turnFixtures();
const FINISHED = { status: "finished" };

const talking = () => new FakeProvider(...["one", "two", "three"].map((text) => reply([text])));
const kernel = (options: FixtureOptions = {}) =>
  fixtures.session({ resumes: true, ...options, provider: options.provider ?? talking() });

/** A kernel that ran this prompt and died before its client heard, and another client's turn in the next kernel. */
async function withTurnBetween(input: string, provider?: FakeProvider) {
  const first = kernel(provider === undefined ? {} : { provider });
  const outcome = await first.session.prompt(input, "p1").then(
    (result) => ({ result }),
    (error: Error) => ({ error }),
  );
  first.abandon();
  const second = kernel({ share: first.share });
  expect(await second.session.prompt("of someone else", "other")).toEqual(FINISHED);
  second.abandon();
  const third = kernel({ share: first.share });
  return { outcome, first, second, third };
}

describe("a prompt that is sent again after someone else's turn", () => {
  test("is told how it ended, and does nothing: no model, no event, no lock", async () => {
    const { third } = await withTurnBetween("x");
    const journal = third.journal();
    expect(await third.session.prompt("x", "p1")).toEqual(FINISHED);
    expect([third.provider.requests, third.sink.sent, third.log.held]).toEqual([[], [], false]);
    expect(third.journal()).toEqual(journal);
    expect(await third.session.prompt("x", "other")).toEqual(FINISHED);
    expect(await third.session.prompt("x", "new")).toEqual(FINISHED);
    expect(third.provider.requests).toHaveLength(1);
    expect(await third.session.prompt("x", "p1")).toEqual(FINISHED);
    expect(third.provider.requests).toHaveLength(1);
  });

  test("is told the error it failed with", async () => {
    const broken = new FakeProvider(failing(providerError("no key", { statusCode: 401, retryable: false })));
    const { outcome, third } = await withTurnBetween("x", broken);
    expect(outcome).toMatchObject({ error: { message: "no key" } });
    const again = await third.session.prompt("x", "p1").catch((error: unknown) => error);
    expect(again).toMatchObject({ message: "no key", statusCode: 401, errorType: "APIConnectionError" });
    expect(third.provider.requests).toEqual([]);
  });

  test("turns no mode over a second time", async () => {
    const { third, second } = await withTurnBetween("/yolo");
    expect(second.log.state.data.approval.yolo).toBe(true);
    expect(await third.session.prompt("/yolo", "p1")).toEqual(FINISHED);
    expect([third.log.state.data.approval.yolo, third.sink.sent]).toEqual([true, []]);
  });

  test("joins nothing and stops nothing while another turn runs", async () => {
    const { first } = await withTurnBetween("x");
    const { session, sink, provider } = kernel({ share: first.share, provider: new FakeProvider(stuck(["a"])) });
    const running = session.prompt("y", "p2");
    await sink.seen("ContentPart");
    expect(await session.prompt("x", "p1")).toEqual(FINISHED);
    expect(session.turnRunning).toBe(true);
    void session.cancel("k1");
    expect(await running).toEqual({ status: "cancelled" });
    expect(provider.requests).toHaveLength(1);
  });

  test("a steer and a cancel of an earlier turn are not those of the one that runs", async () => {
    const first = kernel({ provider: new FakeProvider(stuck(["a"])) });
    const turn = first.session.prompt("x", "p1");
    await first.sink.seen("ContentPart");
    void first.session.steer("s", "s1");
    void first.session.cancel("k1");
    await turn;
    first.abandon();
    const second = kernel({ share: first.share });
    await second.session.prompt("of someone else", null);
    second.abandon();
    const third = kernel({ share: first.share, provider: new FakeProvider(stuck(["b"])) });
    const other = third.session.prompt("y", "p2");
    await third.sink.seen("ContentPart");
    expect([third.session.steer("s", "s1"), third.session.cancel("k1")]).toEqual([undefined, undefined]);
    expect(third.session.turnRunning).toBe(true);
    expect(third.journal().filter(({ kind }) => kind === "steer" || kind === "cancel")).toEqual([]);
    void third.session.cancel("k2");
    expect(await other).toEqual({ status: "cancelled" });
  });
});
