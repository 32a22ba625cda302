/** What `kernel -p` says beside the answer. */
export const printMessages = {
  noPrompt: "There is no prompt: give it behind -p, or on stdin.",
  emptyPrompt: "The prompt is empty.",
  noStreamInput: "--input-format stream-json is not part of this version; give one prompt behind -p or on stdin.",
  noFinalEnvelopes: "--final-message-only does not go with --output-format wire.",
  /** Read by the model. */
  nobodyThere:
    "No one is there to approve this; it was refused by the policy of this run. The user can run again with --approve edits, --approve all or --yolo.",
  denied: (description: string) => `Not allowed: ${description} (see --approve)`,
  failed: (message: string) => `The turn failed: ${message}`,
  interrupted: (message: string) => `The kernel is gone: ${message}`,
  noKernel: (message: string) => `No kernel could be started: ${message}`,
  resume: (session: string) =>
    `The turn waits in its session. To go on with it: kernel chat --session ${session}. A prompt ends it as it stands: kernel -p PROMPT --session ${session}`,
} as const;
