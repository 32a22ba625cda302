import { randomUUID } from "node:crypto";
import { errorMessage, KernelError } from "../errors.js";
import type { Logger } from "../logger.js";
import type { ApprovalAsk } from "../tools/tool.js";
import { readApprovalAnswer } from "./approval-answer.js";
import {
  type ApprovalOutcome,
  ApprovalRecord,
  type ApprovalRequest,
  type PendingApproval,
} from "./pending-approval.js";
import { type ApprovalMode, decide } from "./policy.js";
import type { Judgement, ListedGrant, SessionGrants } from "./session-grants.js";

export interface ApprovalGateDeps {
  /**
   * Sends the request and gives the client's raw answer. Rejects when the client answers with an error or is gone
   * (then with `code: "closed"`). The signal aborts when the approval has ended without this answer.
   */
  present(request: PendingApproval, signal: AbortSignal): Promise<unknown>;
  /** Stores how a presented approval ended, durably, before it takes effect. `rawAnswer` is undefined without one. */
  recordAnswer(request: PendingApproval, rawAnswer: unknown, outcome: ApprovalOutcome): void;
  /** Tells the client how a presented approval ended; called once for each. */
  resolved(request: PendingApproval, outcome: ApprovalOutcome): void;
  grants: SessionGrants;
  mode: ApprovalMode;
  logger: Logger;
}

const CANCELLED: ApprovalOutcome = { response: "reject", feedback: "", via: "cancelled" };
const CLOSED: ApprovalOutcome = { response: "reject", feedback: "", via: "closed" };

interface Judged {
  judgement: Judgement;
  stamp: string;
}

/**
 * Owner of the pending approvals of a session. Every approval ends here and once: by an answer, a grant, the mode, the
 * policy, a cancel or the end of the connection. Requests are presented in the order of `open`.
 */
export class ApprovalGate {
  readonly #deps: ApprovalGateDeps;
  readonly #open = new Map<string, ApprovalRecord>();
  #mode: ApprovalMode;
  #closed = false;
  #turnstile: Promise<void> = Promise.resolve();

  constructor(deps: ApprovalGateDeps) {
    this.#deps = deps;
    this.#mode = { ...deps.mode };
  }

  /** Asks, unless mode, policy or grants decide. Never rejects. An abort ends it as a rejection, at once. */
  open(request: ApprovalRequest, signal: AbortSignal): Promise<ApprovalOutcome> {
    const id = request.id ?? randomUUID();
    if (signal.aborted) return Promise.resolve(CANCELLED);
    if (this.#closed || this.#open.has(id)) return Promise.resolve(CLOSED);
    const record = new ApprovalRecord({ ...request, id, proposed: null }, request.id !== undefined);
    this.#open.set(id, record);
    signal.addEventListener("abort", () => this.#end(record, CANCELLED), { once: true, signal: record.ended.signal });
    const judged = this.#judge(record);
    // One may pass when all before it have passed; each of them is bounded by the judgement's time limit.
    this.#turnstile = this.#turnstile
      .then(() => this.#pass(record, judged))
      .catch((error: unknown) => {
        this.#deps.logger.error({ id, error: errorMessage(error) }, "an approval failed");
        this.#end(record, CLOSED);
      });
    return record.outcome;
  }

  /** Grants what a person allowed for the session in an earlier process, unless it is granted. Never rejects. */
  async grant({ subject }: ApprovalAsk): Promise<void> {
    const { proposed } = await this.#deps.grants.judge(subject);
    if (proposed !== null && this.#deps.grants.add(proposed)) void this.#settleCovered();
  }

  /** The requests that wait for an answer, oldest first. */
  pending(): PendingApproval[] {
    return [...this.#open.values()].filter((record) => record.presented).map((record) => record.request);
  }

  /** Settles a pending approval with a client's raw answer. False when there is none of that id (any more). */
  answer(id: string, raw: unknown): boolean {
    const record = this.#open.get(id);
    return record?.presented === true && this.#answer(record, raw);
  }

  /** Ends everything that a turn or a background task still asks. */
  cancelSource(sourceId: string): void {
    for (const record of [...this.#open.values()]) {
      if (record.request.sourceId === sourceId) this.#end(record, CANCELLED);
    }
  }

  /** Changes what is asked from now on; what is asked already stays asked. */
  setMode(mode: ApprovalMode): void {
    this.#mode = { ...mode };
  }

  get mode(): Readonly<ApprovalMode> {
    return this.#mode;
  }

  listGrants(): ListedGrant[] {
    return this.#deps.grants.list();
  }

  /** False when there is no such grant. What it covered is asked again. */
  revokeGrant(id: string): boolean {
    return this.#deps.grants.revoke(id);
  }

  /** Rejects everything, now and later. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const record of [...this.#open.values()]) this.#end(record, CLOSED);
  }

  async #judge(record: ApprovalRecord): Promise<Judged> {
    const { subject } = record.request.ask;
    const stamp = this.#stamp();
    const byMode = this.#mode.yolo || this.#mode.afk;
    const { grants } = this.#deps;
    return { judgement: await (byMode ? grants.judgeGuard(subject) : grants.judge(subject)), stamp };
  }

  /** Changes when a judgement may turn out differently. */
  #stamp(): string {
    return `${this.#deps.grants.version} ${this.#mode.yolo || this.#mode.afk}`;
  }

  async #pass(record: ApprovalRecord, first: Promise<Judged>): Promise<void> {
    let judged = await Promise.race([first, record.outcome.then(() => null)]);
    // A grant that came or went while this one was judged counts for it too.
    while (judged !== null && !record.settled && judged.stamp !== this.#stamp()) judged = await this.#judge(record);
    if (judged === null || record.settled) return;
    const { covered, guard, proposed } = judged.judgement;
    const { request } = record;
    request.proposed = proposed;
    const decision = decide({ ask: request.ask, mode: this.#mode, covered, guard });
    if (decision.decision === "ask") this.#present(record);
    else if (decision.decision === "allow") this.#end(record, { response: "approve", feedback: "", via: decision.via });
    else this.#end(record, { response: "reject", feedback: decision.reason, via: "denied" });
  }

  #present(record: ApprovalRecord): void {
    const { id } = record.request;
    const { logger } = this.#deps;
    record.presented = true;
    record.shown = true;
    void new Promise((resolve) => resolve(this.#deps.present(record.request, record.ended.signal))).then(
      (raw) => {
        if (!this.#answer(record, raw)) logger.info({ id }, "an answer came after the end of its approval");
      },
      (error: unknown) => {
        const ended = this.#end(record, withoutAnswer(error));
        if (ended) logger.info({ id, error: errorMessage(error) }, "an approval was answered with an error");
      },
    );
  }

  #answer(record: ApprovalRecord, raw: unknown): boolean {
    const { id } = record.request;
    const { response, feedback, innerId } = readApprovalAnswer(raw);
    if (innerId !== null && innerId !== id)
      this.#deps.logger.warn({ id, request_id: innerId }, "an approval's answer names another request");
    return this.#end(record, { response, feedback, via: "answer" }, raw);
  }

  /** The only way an approval ends. False when it had ended before. */
  #end(record: ApprovalRecord, wanted: ApprovalOutcome, raw?: unknown): boolean {
    if (!record.claim()) return false;
    const { request } = record;
    this.#open.delete(request.id);
    let outcome = wanted;
    let granted = false;
    if (record.shown) {
      try {
        this.#deps.recordAnswer(request, raw, outcome);
      } catch (error) {
        this.#deps.logger.error({ id: request.id, error: errorMessage(error) }, "an approval could not be recorded");
        // A yes that was not recorded must not take effect; a no has none.
        if (wanted.response !== "reject") outcome = unrecorded(error);
      }
      granted =
        outcome.response === "approve_for_session" &&
        request.proposed !== null &&
        this.#deps.grants.add(request.proposed);
      try {
        this.#deps.resolved(request, outcome);
      } catch (error) {
        this.#deps.logger.error({ id: request.id, error: errorMessage(error) }, "an approval's end was not delivered");
      }
    }
    record.finish(outcome);
    if (granted) void this.#settleCovered();
    return true;
  }

  /** Approves what is pending and covered by now, in the order it was asked. Never rejects. */
  async #settleCovered(): Promise<void> {
    const { grants } = this.#deps;
    for (let version = -1; version !== grants.version; ) {
      version = grants.version;
      const waiting = [...this.#open.values()].filter((record) => record.presented);
      const judgements = await Promise.all(waiting.map((record) => grants.judge(record.request.ask.subject)));
      // A grant came or went meanwhile: judge again what is left.
      if (version !== grants.version) continue;
      for (const [index, record] of waiting.entries()) {
        const { covered, guard } = judgements[index] ?? { covered: false, guard: null };
        const decision = decide({ ask: record.request.ask, mode: { yolo: false, afk: false }, covered, guard });
        if (decision.decision === "allow") this.#end(record, { response: "approve", feedback: "", via: "grant" });
      }
    }
  }
}

function unrecorded(error: unknown): ApprovalOutcome {
  const code = error instanceof KernelError ? error.code : "storage_failed";
  return { response: "reject", feedback: errorMessage(error), via: "unrecorded", code };
}

/** How an approval ends whose request failed: the client is gone, it answered with an error, or nothing could be stored. */
function withoutAnswer(error: unknown): ApprovalOutcome {
  if (error instanceof KernelError) return unrecorded(error);
  const gone = typeof error === "object" && error !== null && "code" in error && error.code === "closed";
  return gone ? CLOSED : { response: "reject", feedback: "", via: "answer" };
}
