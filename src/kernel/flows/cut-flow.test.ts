/** A Ralph loop that really ran, its journal cut behind every record: each round is asked for once and answered once. */
import { expect, test } from "vitest";
import type { Message } from "../messages.js";
import type { ChatRequest, StreamEnd, StreamPart } from "../providers/provider.js";
import type { TempShare } from "../storage/testing/temp-share.js";
import { fastDisk, recordedSession } from "../testing/cut-journal.js";
import { FakeProvider, textPart } from "../testing/fake-provider.js";
import { turnFixtures } from "../testing/turn-fixture.js";

const fixtures = turnFixtures();
const ROUNDS = [
  "One.",
  "Two. <choice>none</choice>",
  "Three. <choice>CONTINUE</choice>",
  "Four. <choice>STOP</choice>",
];

const textOf = ({ content }: Message) => content.map((part) => (part.type === "text" ? part.text : "")).join("");
const asks = (message: Message) => message.role === "user" && textOf(message).startsWith("go");

/** What it says next is a pure function of the messages: one round for each time that it was asked. */
async function* answer({ messages }: ChatRequest): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
  const said = messages.map((message) => (message.role === "assistant" ? textOf(message) : "")).join("");
  const text = ROUNDS.slice(0, messages.filter(asks).length).join("");
  if (!text.startsWith(said)) throw new Error(`the model is told that it had said ${said}`);
  for (const piece of text.slice(said.length).match(/.{1,12}/gs) ?? []) yield [textPart(piece)];
  return { usage: null, messageId: "m", finishReason: "stop" };
}

function kernel(prefill: boolean, share?: TempShare) {
  const provider = new FakeProvider(...Array.from({ length: 9 }, () => answer));
  if (prefill) Object.assign(provider, { canPrefill: true });
  const options = share === undefined ? {} : { share };
  return fixtures.session({ provider, ops: fastDisk, resumes: true, loop: { max_ralph_iterations: 5 }, ...options });
}

test.each([true, false])(
  "prefill: %s",
  async (prefill) => {
    const whole = kernel(prefill);
    await whole.session.prompt("go", "p1");
    const { begin, end, cutBehind, sentUpTo, label } = recordedSession(whole.share);
    expect(end - begin).toBeGreaterThan(40);
    for (let cut = begin; cut < end; cut++) {
      const share = cutBehind(cut);
      const next = kernel(prefill, share);
      const result = await next.session.resume(next.session.openTurn()?.turnId ?? "", "continue");
      const sent = [...sentUpTo(cut), ...next.sink.sent];
      const count = (wanted: string) => sent.filter(({ type }) => type === wanted).length;
      expect({
        label: label(cut),
        result,
        shown: sent.map(({ type, payload }) => (type === "ContentPart" ? payload.text : "")).join(""),
        brackets: [count("TurnBegin"), count("TurnEnd")],
        asked: next.log.load().messages.filter(asks).length,
      }).toEqual({
        label: label(cut),
        result: { status: "finished" },
        shown: ROUNDS.join(""),
        brackets: [1 + ROUNDS.length, 1 + ROUNDS.length],
        asked: ROUNDS.length,
      });
      share.remove();
    }
  },
  30_000,
);
