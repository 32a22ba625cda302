/** What a client asks right behind its prompt, before the turn is recorded. */
import { expect, test } from "vitest";
import { FakeProvider, reply } from "../testing/fake-provider.js";
import { turnFixtures } from "../testing/turn-fixture.js";

const fixtures = turnFixtures();

test("a steer under an id is recorded before it is answered, and used", async () => {
  const provider = new FakeProvider(reply(["one"]), reply(["two"]));
  const { session, journal, sink } = fixtures.session({ resumes: true, provider });
  const turn = session.prompt("x", "p1");
  await Promise.all([session.steer("s", "s1"), session.steer("s", "s1")]);
  expect(journal().filter(({ kind }) => kind === "steer")).toMatchObject([{ client_id: "s1", user_input: "s" }]);
  expect(await turn).toEqual({ status: "finished" });
  expect(sink.types().filter((type) => type === "SteerInput")).toHaveLength(1);
});

test("a cancel under an id is on record with its turn, which never asks the model; asked again it is known", async () => {
  const { session, journal, sink, provider } = fixtures.session({ resumes: true });
  const turn = session.prompt("x", "p1");
  await session.cancel("k1");
  expect(journal().flatMap(({ kind, client_id }) => (client_id === undefined ? [] : [[kind, client_id]]))).toEqual([
    ["turn", "p1"],
    ["cancel", "k1"],
  ]);
  expect(await turn).toEqual({ status: "cancelled" });
  expect([sink.types(), provider.requests]).toEqual([["TurnBegin", "TurnEnd"], []]);
  await session.cancel("k1");
  expect(await session.prompt("x", "p1")).toEqual({ status: "cancelled" });
});

test("without an id anywhere nothing is recorded of a turn that is cancelled before it begins", async () => {
  const { session, sink, log } = fixtures.session();
  const turn = session.prompt("x", null);
  await session.cancel(null);
  expect(await turn).toEqual({ status: "cancelled" });
  expect([sink.types(), log.held]).toEqual([[], false]);
});

test("a turn that cannot begin takes nothing", async () => {
  const living = fixtures.session();
  await living.log.acquire();
  const { session } = fixtures.session({ share: living.share, resumes: true });
  const turn = session.prompt("x", "p1");
  const [steer, cancel] = [session.steer("s", "s1"), session.cancel("k1")];
  await expect(steer).rejects.toMatchObject({ code: "no_turn" });
  await expect(cancel).rejects.toMatchObject({ code: "no_turn" });
  await expect(turn).rejects.toMatchObject({ code: "session_locked" });
});
