/** Sends a message to an earlier point of the conversation. */
export interface DmailSender {
  /** `sent`: it takes effect at the end of the step, when nothing in it was rejected. */
  send(mail: { checkpointId: number; message: string }): "sent" | "unknown_checkpoint" | "already_sent";
}
