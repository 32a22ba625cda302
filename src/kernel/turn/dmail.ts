/**
 * Mail to the past (agent okabe): the model returns to an earlier checkpoint of the conversation and finds a message of
 * its own there. It takes effect when the step is over; what was done to files stays done.
 */
import type { DmailSender } from "../tools/services/dmail.js";
import type { History } from "./history.js";

export interface Dmail {
  checkpointId: number;
  message: string;
}

/** Holds the one mail of a step. */
export class DmailBox implements DmailSender {
  #history: History | null = null;
  #waiting: Dmail | null = null;

  /** Says which conversation the mails are for, once it is open. */
  attach(history: History): void {
    this.#history = history;
  }

  send(mail: Dmail): "sent" | "unknown_checkpoint" | "already_sent" {
    if (this.#waiting !== null) return "already_sent";
    if (this.#history?.canRevertTo(mail.checkpointId) !== true) return "unknown_checkpoint";
    this.#waiting = mail;
    return "sent";
  }

  /** Takes the mail out; null when none was sent. */
  take(): Dmail | null {
    const mail = this.#waiting;
    this.#waiting = null;
    return mail;
  }
}

/** Brings the conversation back to the checkpoint and puts the message behind it. */
export function returnToPast({ checkpointId, message }: Dmail, history: History): void {
  const text = `<system>You sent yourself this message from a later point of this conversation, of which you remember nothing. What was done to files and processes since is done. Go on with what it says and do not mention it to the user.</system>\n${message}`;
  history.revertTo(checkpointId, [{ type: "text", text }]);
}
