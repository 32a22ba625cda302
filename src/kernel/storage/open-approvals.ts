/** The approvals of a turn that has no end: what a client saw asked (ApprovalRequest) and not ended (ApprovalResponse). */
import { approvalAnswer } from "./call-position.js";
import type { JournalRecord } from "./crc-line.js";
import { asObject } from "./line-json.js";
import type { ApprovalPosition } from "./turn-position.js";

interface OpenApproval {
  /** Of an agent in the background, which ended with its kernel. */
  readonly background: boolean;
  answer: ApprovalPosition["answer"];
}

/** Payload of the ApprovalResponse that is missing. */
export interface ApprovalEnd {
  request_id: string;
  response: string;
  feedback: string;
}

export class OpenApprovals {
  readonly #open = new Map<string, OpenApproval>();

  /** Takes ApprovalRequest, `answer` and ApprovalResponse records; ignores all others. */
  take({ kind, fields }: JournalRecord): void {
    const { type, payload } = fields;
    if (kind === "request" && type === "ApprovalRequest") {
      const { id, source_kind } = asObject(payload) ?? {};
      const known = this.#open.get(String(id))?.answer ?? null;
      this.#open.set(String(id), { background: source_kind === "background_agent", answer: known });
    } else if (kind === "answer" && type === "ApprovalRequest") {
      const asked = this.#open.get(String(fields.id));
      if (asked !== undefined) asked.answer = approvalAnswer(fields.decided);
    } else if (kind === "event" && type === "ApprovalResponse") {
      this.#open.delete(String(asObject(payload)?.request_id));
    }
  }

  /** Of those that are decided and of those that nobody will ask again: all others are asked again by their calls. */
  overdue(): ApprovalEnd[] {
    return this.#ends(({ background, answer }) => background || answer !== null);
  }

  /** Of all of them, when the turn is closed: nothing may run on an answer that was never given. */
  ends(): ApprovalEnd[] {
    return this.#ends(() => true);
  }

  #ends(which: (approval: OpenApproval) => boolean): ApprovalEnd[] {
    return [...this.#open].flatMap(([request_id, approval]) => {
      const { response = "reject", feedback = "" } = approval.answer ?? {};
      return which(approval) ? [{ request_id, response, feedback }] : [];
    });
  }
}
