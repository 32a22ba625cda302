/** Random turns, cut behind a random record, gone on with, cut again, and once more: nothing is lost, nothing done twice. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { TempShare } from "../storage/testing/temp-share.js";
import { recordedSession } from "../testing/cut-journal.js";
import { playCut, playWhole, type TurnScript } from "../testing/scripted-turn.js";
import { turnFixtures } from "../testing/turn-fixture.js";

const fixtures = turnFixtures();

const tool = fc.constantFrom("Act", "Ask", "Refused", "Read", "Client");
const step = (...[minLength, maxLength]: [number, number]) =>
  fc.record({
    think: fc.boolean(),
    text: fc.integer({ min: 0, max: 9 }),
    calls: fc.array(tool, { minLength, maxLength }),
  });
const script: fc.Arbitrary<TurnScript> = fc
  .record({
    steps: fc.array(step(1, 3), { maxLength: 2 }),
    last: step(0, 0),
    prefill: fc.boolean(),
    steers: fc.array(fc.integer({ min: 1, max: 15 }), { maxLength: 2 }),
    hooks: fc.boolean(),
  })
  .map(({ steps, last, prefill, steers, hooks }) => ({
    ...{ prefill, steers, hooks },
    steps: [...steps, { ...last, text: last.text + 1 }].map(({ think, text, calls }, n) => ({
      think,
      text: `${n}abcdefghi`.slice(0, text),
      calls: calls.map((name, at) => ({ tool: name, key: `${n}${at}` })),
    })),
  }));
const fraction = fc.double({ min: 0, max: 0.999, noNaN: true });

/** Goes on behind a record after `from`. */
async function goOn(played: TurnScript, dead: TempShare, from: number, part: number) {
  const { begin, end } = recordedSession(dead);
  const low = Math.max(begin, from);
  const cut = low + Math.floor((end - low) * part);
  const { seen, wanted, share } = await playCut(fixtures.session, played, dead, cut);
  expect(seen).toEqual(wanted);
  return { share, cut };
}

test("nothing is lost, nothing done twice", async () => {
  await fc.assert(
    fc.asyncProperty(script, fraction, fraction, fraction, async (played, ...parts) => {
      let dead = { share: await playWhole(fixtures.session, played), cut: 0 };
      for (const part of parts) {
        const next = await goOn(played, dead.share, dead.cut, part);
        dead.share.remove();
        dead = next;
      }
      dead.share.remove();
    }),
    { interruptAfterTimeLimit: 5_000, numRuns: 200, endOnFailure: true },
  );
}, 60_000);
