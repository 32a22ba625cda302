import { expect, test } from "vitest";
import { questionResult } from "../../wire/validators/client-request.js";
import { silentLogger } from "../logger.js";
import type { NoteRecord } from "../storage/session-log.js";
import { ClientRequestError } from "../turn/event-sink.js";
import type { Recorder, RequestExtras } from "../turn/recorder.js";
import { ClientQuestions } from "./client-questions.js";

const question = (text: string) => ({
  ...{ question: text, header: "", options: [{ label: "A", description: "" }], multi_select: false },
  ...{ body: "", other_label: "", other_description: "" },
});

/** A fake recorder whose client answers as told. */
function setUp(answer: (payload: { id: string }, signal: AbortSignal) => unknown, unattended = false) {
  const sent: { type: string; payload: { id: string }; extra?: unknown }[] = [];
  const notes: [NoteRecord, boolean][] = [];
  const recorder = {
    request: async (type: string, payload: { id: string }, signal: AbortSignal, extras: RequestExtras) => {
      sent.push({ type, payload, ...extras });
      return await answer(payload, signal);
    },
    note: (record: NoteRecord, sync: boolean) => void notes.push([record, sync]),
  } as unknown as Recorder;
  const questions = new ClientQuestions({
    recorder,
    supported: () => true,
    unattended: () => unattended,
    parse: (raw) => questionResult.safeParse(raw).data ?? null,
    logger: silentLogger,
  });
  return { questions, sent, notes };
}

const fails = (code: "answered_error" | "closed" | "aborted") => () => {
  throw new ClientRequestError(code, "fake");
};
const ids = ({ id }: { id: string }) => id;

test.each<[string, (payload: { id: string }) => unknown, Record<string, string>]>([
  ["an answer", (p) => ({ request_id: ids(p), answers: { "Q?": "A" } }), { "Q?": "A" }],
  ["own words", (p) => ({ request_id: ids(p), answers: { "Q?": "neither" } }), { "Q?": "neither" }],
  ["another request id inside", () => ({ request_id: "x", answers: { "Q?": "A" } }), { "Q?": "A" }],
  ["what was not asked", (p) => ({ request_id: ids(p), answers: { "R?": "A", "Q?": "B" } }), { "Q?": "B" }],
  ["nothing", (p) => ({ request_id: ids(p), answers: {} }), {}],
  ["an empty text", (p) => ({ request_id: ids(p), answers: { "Q?": "" } }), {}],
  ["a list", (p) => ({ request_id: ids(p), answers: ["A"] }), {}],
  ["a number", (p) => ({ request_id: ids(p), answers: { "Q?": 1 } }), {}],
  ["no request id", () => ({ answers: { "Q?": "A" } }), {}],
  ["null", () => null, {}],
  ["undefined", () => undefined, {}],
  ["an error", fails("answered_error"), {}],
  ["the end of the connection", fails("closed"), {}],
])("%s", async (_name, answer, expected) => {
  const { questions, sent, notes } = setUp(answer);
  const answers = await questions.ask("t1", [question("Q?")], new AbortController().signal);
  expect(answers).toEqual(expected);
  const [request] = sent;
  expect(request).toMatchObject({ type: "QuestionRequest", payload: { tool_call_id: "t1" } });
  const id = request?.payload.id;
  expect(notes).toEqual([
    [expect.objectContaining({ kind: "answer", id, type: "QuestionRequest", decided: expected }), true],
  ]);
});

test("a question named like a part of every object is an ordinary one", async () => {
  const { questions } = setUp((p) => ({ request_id: p.id, answers: {} }));
  const signal = new AbortController().signal;
  expect(await questions.ask("t", [question("constructor"), question("toString")], signal)).toEqual({});
});

test("an abort rejects with its reason, before and while it is asked; nothing is decided", async () => {
  const reason = new Error("stop");
  const controller = new AbortController();
  const { questions, sent, notes } = setUp(() => {
    controller.abort(reason);
    return fails("aborted")();
  });
  await expect(questions.ask("t", [question("Q?")], controller.signal)).rejects.toBe(reason);
  await expect(questions.ask("t", [question("Q?")], controller.signal)).rejects.toBe(reason);
  expect(sent).toHaveLength(1);
  expect(notes).toEqual([]);
});

test("with nobody there nothing is sent", async () => {
  const { questions, sent } = setUp(() => ({}), true);
  expect(await questions.ask("t", [question("Q?")], new AbortController().signal)).toEqual({});
  expect(sent).toEqual([]);
});

test("an error of the storage is not an answer", async () => {
  const { questions } = setUp(() => {
    throw new Error("fake: disk full");
  });
  await expect(questions.ask("t", [question("Q?")], new AbortController().signal)).rejects.toThrow("disk full");
});

test("a question of an earlier process keeps its id; its answer is not asked for again", async () => {
  const { questions, sent, notes } = setUp(({ id }) => ({ request_id: id, answers: { "Q?": "A" } }));
  const { signal } = new AbortController();
  const open = { requestId: "q1", answer: null };
  expect(await questions.ask("t1", [question("Q?")], signal, open)).toEqual({ "Q?": "A" });
  expect(sent.map(({ payload }) => payload.id)).toEqual(["q1"]);

  const raw = { request_id: "q1", answers: { "Q?": "B" } };
  const answered = { requestId: "q1", answer: { raw } };
  expect(await questions.ask("t1", [question("Q?")], signal, answered)).toEqual({ "Q?": "B" });
  expect([sent.length, notes.length]).toEqual([1, 1]);
  const malformed = { requestId: "q1", answer: { raw: 7 } };
  expect(await questions.ask("t1", [question("Q?")], signal, malformed)).toEqual({});
});

test("what was shown with it is recorded beside it, and not sent", async () => {
  const { questions, sent } = setUp(({ id }) => ({ request_id: id, answers: {} }));
  await questions.ask("t1", [question("Q?")], new AbortController().signal, undefined, "hash");
  expect(sent).toMatchObject([{ extra: { shown: "hash" } }]);
  expect(Object.keys(sent[0]?.payload ?? {})).toEqual(["id", "tool_call_id", "questions"]);
});
