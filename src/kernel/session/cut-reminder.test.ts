/** A turn in plan mode, cut behind every record: whatever the model is asked, it has been told of plan mode, once a turn. */
import { expect, test } from "vitest";
import type { Message } from "../messages.js";
import type { TempShare } from "../storage/testing/temp-share.js";
import { fastDisk, recordedSession } from "../testing/cut-journal.js";
import { FakeProvider } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { scriptedModel } from "../testing/scripted-model.js";
import { turnFixtures } from "../testing/turn-fixture.js";

const fixtures = turnFixtures();
const SCRIPT = [
  { think: false, text: "Reading.", calls: [{ tool: "Read", key: "r" }] },
  { think: false, text: "Planned.", calls: [] },
];
const told = (messages: readonly Message[]) =>
  messages.map(({ content }) => JSON.stringify(content)).filter((text) => text.includes("Plan mode is on")).length;

function kernel(prefill: boolean, share?: TempShare) {
  const provider = new FakeProvider(...Array.from({ length: 9 }, () => scriptedModel(SCRIPT)));
  if (prefill) Object.assign(provider, { canPrefill: true });
  const tools = [fakeTool("Read", { effect: "read" })];
  const planStart = { always: true, new: true };
  return fixtures.session({
    ...{ provider, tools, planStart, ops: fastDisk, resumes: true },
    ...(share === undefined ? {} : { share }),
  });
}

test.each([true, false])(
  "prefill: %s",
  async (prefill) => {
    const whole = kernel(prefill);
    await whole.session.prompt("go", "p1");
    expect(whole.provider.requests.map(({ messages }) => told(messages))).toEqual([1, 1]);
    const { begin, end, cutBehind, label } = recordedSession(whole.share);
    for (let cut = begin; cut < end; cut++) {
      const share = cutBehind(cut);
      const next = kernel(prefill, share);
      await next.session.resume(next.session.openTurn()?.turnId ?? "", "continue");
      const counts = next.provider.requests.map(({ messages }) => told(messages));
      expect([label(cut), counts]).toEqual([label(cut), counts.map(() => 1)]);
      share.remove();
    }
  },
  30_000,
);
