/** Asks the client's user by QuestionRequest: written first, answered once, and whatever is no answer is a dismissal. */
import { randomUUID } from "node:crypto";
import { errorMessage } from "../errors.js";
import type { Logger } from "../logger.js";
import type { Question, Questions } from "../tools/services/questions.js";
import type { EarlierRequest } from "../tools/tool.js";
import { ClientRequestError } from "../turn/event-sink.js";
import type { Recorder } from "../turn/recorder.js";

/** What a client answers a QuestionRequest with, already checked against the contract. */
export interface QuestionAnswer {
  request_id: string;
  answers: Readonly<Record<string, string>>;
}

export interface ClientQuestionsDeps {
  recorder: Recorder;
  /** Whether the client said that it can answer; it may change while nothing runs. */
  supported: () => boolean;
  /** Whether nobody is there to answer. */
  unattended: () => boolean;
  /** Checks a raw answer; null when it is malformed. */
  parse: (answer: unknown) => QuestionAnswer | null;
  logger: Logger;
}

/** The questions of one session. Several may be open; none has a time limit, and an abort ends each at once. */
export class ClientQuestions implements Questions {
  readonly #deps: ClientQuestionsDeps;

  constructor(deps: ClientQuestionsDeps) {
    this.#deps = deps;
  }

  get supported(): boolean {
    return this.#deps.supported();
  }

  get unattended(): boolean {
    return this.#deps.unattended();
  }

  async ask(
    toolCallId: string,
    questions: readonly Question[],
    signal: AbortSignal,
    earlier?: EarlierRequest,
  ): Promise<Record<string, string>> {
    signal.throwIfAborted();
    const id = earlier?.requestId ?? randomUUID();
    const known = earlier?.answer ?? null;
    if (known !== null) return this.#read(id, known.raw ?? undefined, questions);
    if (this.unattended) return {};
    const raw = await this.#send({ id, tool_call_id: toolCallId, questions }, signal, earlier !== undefined);
    const decided = this.#read(id, raw, questions);
    this.#deps.recorder.note(
      { kind: "answer", id, type: "QuestionRequest", answer: raw === undefined ? null : raw, decided },
      true,
    );
    return decided;
  }

  /** The raw answer; undefined when the client answered with an error or is gone. */
  async #send(
    payload: { id: string } & Record<string, unknown>,
    signal: AbortSignal,
    again: boolean,
  ): Promise<unknown> {
    try {
      return await this.#deps.recorder.request("QuestionRequest", payload, signal, again ? { extra: { again } } : {});
    } catch (error) {
      if (!(error instanceof ClientRequestError)) throw error;
      if (error.code === "aborted") throw signal.reason;
      this.#deps.logger.info({ id: payload.id, error: errorMessage(error) }, "a question was not answered");
      return undefined;
    }
  }

  /** Only what was asked counts; what else the client says is logged and dropped. */
  #read(id: string, raw: unknown, questions: readonly Question[]): Record<string, string> {
    if (raw === undefined) return {};
    const { logger, parse } = this.#deps;
    const answer = parse(raw);
    if (answer === null) {
      logger.warn({ id }, "the answer to a question is malformed and counts as none");
      return {};
    }
    const { answers, request_id } = answer;
    if (request_id !== id) logger.warn({ id, request_id }, "the answer to a question names another request");
    const asked = questions.map(({ question }) => question);
    const foreign = Object.keys(answers).filter((key) => !asked.includes(key)).length;
    if (foreign > 0) logger.warn({ id, foreign }, "a client answered what was not asked");
    const given = asked.flatMap((key) => (Object.hasOwn(answers, key) ? [[key, answers[key] ?? ""] as const] : []));
    return Object.fromEntries(given.filter(([, text]) => text !== ""));
  }
}
