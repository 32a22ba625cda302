/** A disk that takes no more while a turn of a dead kernel is gone on with, at the n-th write, for every n. */
import { describe, expect, test } from "vitest";
import { shimmedOperations } from "../storage/testing/shimmed-operations.js";
import { recordedSession } from "../testing/cut-journal.js";
import { FakeProvider, reply } from "../testing/fake-provider.js";
import { turnFixtures } from "../testing/turn-fixture.js";

const fixtures = turnFixtures();
const PLAIN = { code: "storage_full" };

/** The last record of the dead kernel: its turn's own, then the TurnBegin that was shown. */
describe.each([
  ["not begun", 0],
  ["begun", 1],
])("%s", (_name, records) => {
  test.each([1, 2, 3, 4, 5, 6, 8, 10, 12, 14])("from write %i on", async (n) => {
    const whole = fixtures.session({ provider: new FakeProvider(reply(["hi"])) });
    await whole.session.prompt("go", "p1");
    const { begin, cutBehind } = recordedSession(whole.share);
    const share = cutBehind(begin + records);
    const disk = { writes: 0, full: true };
    const ops = shimmedOperations(({ name }) => {
      if (name !== "write") return null;
      disk.writes += 1;
      return disk.full && disk.writes >= n ? { errno: "ENOSPC" } : null;
    });
    const script = Array.from({ length: 3 }, () => reply(["hi"]));
    const { session, sink } = fixtures.session({ share, ops, resumes: true, provider: new FakeProvider(...script) });
    const turnId = session.openTurn()?.turnId ?? "";
    await expect(session.resume(turnId, "continue")).rejects.toMatchObject(PLAIN);
    disk.full = false;
    const again = () => session.resume(turnId, "continue").catch((error: unknown) => error);
    const first = await again();
    // It goes on, or it says how it ended: never that there is no such turn.
    expect([{ status: "finished" }, expect.objectContaining(PLAIN)]).toContainEqual(first);
    expect(await again()).toEqual(first);
    expect(await session.prompt("go", "p1").catch((error: unknown) => error)).toEqual(first);
    const count = (type: string) => sink.types().filter((each) => each === type).length;
    const shown = count("TurnBegin") + records;
    expect([count("TurnEnd"), session.busy]).toEqual([shown, false]);
    expect(await session.prompt("next", "p2")).toEqual({ status: "finished" });
    share.remove();
  });
});
