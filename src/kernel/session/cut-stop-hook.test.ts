/** A turn that its Stop hook sends on, cut behind every record: what the hook has decided holds, and only then. */
import { expect, test } from "vitest";
import type { TempShare } from "../storage/testing/temp-share.js";
import { fastDisk, recordedSession } from "../testing/cut-journal.js";
import { FakeProvider } from "../testing/fake-provider.js";
import { scriptedModel } from "../testing/scripted-model.js";
import { turnFixtures } from "../testing/turn-fixture.js";

const fixtures = turnFixtures();
const HOOK = [{ id: "h", event: "Stop" as const, matcher: "", timeout: 30 }];

/** The reason is a steer for this model: it answers it once. */
function kernel(action: "allow" | "block", share?: TempShare) {
  const model = scriptedModel([{ think: false, text: "First.", calls: [] }]);
  const provider = new FakeProvider(...Array.from({ length: 9 }, () => model));
  const options = share === undefined ? {} : { share };
  const made = fixtures.session({ provider, subscriptions: HOOK, ops: fastDisk, resumes: true, ...options });
  made.sink.onRequest = (request) => request.answer({ action, reason: action === "block" ? "steer on" : "" });
  return made;
}

test.each(["allow", "block"] as const)(
  "%s",
  async (action) => {
    const whole = kernel(action);
    await whole.session.prompt("go", "p1");
    const { records, begin, end, cutBehind, sentUpTo, label } = recordedSession(whole.share);
    for (let cut = begin; cut < end; cut++) {
      const share = cutBehind(cut);
      const kept = records.slice(0, cut + 1);
      const next = kernel(action, share);
      const result = await next.session.resume(next.session.openTurn()?.turnId ?? "", "continue");
      const asked = next.sink.payloads("HookRequest").map(({ input_data }) => input_data);
      const before = kept.filter(({ event }) => event === "Stop").length;
      const decided = kept.some(({ kind }) => kind === "hook_decided");
      const sent = [...sentUpTo(cut), ...next.sink.sent];
      const texts = sent.map(({ type, payload }) => (type === "ContentPart" ? payload.text : ""));
      const reasons = next.log
        .load()
        .messages.filter(({ role, content }) => role === "user" && JSON.stringify(content).includes("steer on"));
      expect({
        label: label(cut),
        result,
        asked,
        text: texts.join(""),
        ends: sent.filter(({ type }) => type === "TurnEnd").length,
        reasons: reasons.length,
      }).toEqual({
        label: label(cut),
        result: { status: "finished" },
        asked: decided
          ? []
          : [
              before === 0
                ? expect.not.objectContaining({ resumed: true })
                : expect.objectContaining({ resumed: true }),
            ],
        text: action === "block" ? "First.[steer on]" : "First.",
        ends: 1,
        reasons: action === "block" ? 1 : 0,
      });
      share.remove();
    }
  },
  30_000,
);
