import { describe, expect, test } from "vitest";
import { FakeProvider, reply, stuck } from "../testing/fake-provider.js";
import { type FixtureOptions, turnFixtures } from "../testing/turn-fixture.js";

const fixtures = turnFixtures();
const FINISHED = { status: "finished" };
const GRACE = { clean: true, graceMs: 1_000 };
const talking = () => new FakeProvider(...["one", "two", "three"].map((text) => reply([text])));
const kernel = (options: FixtureOptions = {}) =>
  fixtures.session({ resumes: true, ...options, provider: options.provider ?? talking() });

describe("a prompt that waits for the session while another kernel runs it", () => {
  test.each([
    ["and ends it", "p1"],
    ["and a turn of someone else behind it", "other"],
  ])("%s: it is told how it ended", async (_name, last) => {
    const first = kernel();
    await first.session.prompt("before", "p0");
    const second = kernel({ share: first.share, lockWaitMs: 20_000 });
    const waiting = second.session.prompt("x", "p1");
    await first.session.prompt("x", "p1");
    if (last !== "p1") await first.session.prompt("y", last);
    await first.session.close(GRACE);
    expect(await waiting).toEqual(FINISHED);
    expect([second.provider.requests, second.sink.sent]).toEqual([[], []]);
    const counts = first.provider.requests.length;
    expect(counts).toBe(last === "p1" ? 2 : 3);
  });

  test("and dies over it: it goes on with it", async () => {
    const first = kernel({ provider: new FakeProvider(reply(["zero"]), stuck(["a"])) });
    await first.session.prompt("before", "p0");
    const second = kernel({ share: first.share, lockWaitMs: 20_000, provider: new FakeProvider(reply(["b"])) });
    const waiting = second.session.prompt("x", "p1");
    const lost = first.session.prompt("x", "p1").catch(() => {});
    await first.sink.seen("ContentPart", 2);
    first.session.park();
    await first.session.close(GRACE);
    await lost;
    expect(await waiting).toEqual(FINISHED);
    expect(second.sink.types()).not.toContain("TurnBegin");
    expect(second.journal().filter(({ kind }) => kind === "turn")).toHaveLength(1);
  });
});
