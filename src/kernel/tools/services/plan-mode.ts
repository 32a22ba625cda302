/** Plan mode of the session: reading and planning only, until the plan is approved. */
export interface PlanMode {
  /** False when the client never said that it knows plan mode; its tools are not listed then. */
  readonly supported: boolean;
  readonly active: boolean;
  /** Absolute path of the session's plan file; the one file that may be written while planning. */
  readonly planFile: string;
  /** Takes effect at once; stored with the session, told to the client after the results of the step. */
  set(active: boolean): void;
  /** Leaves plan mode for good: the next plan gets a file of its own. */
  finish(): void;
  /** Text of the plan; null when nothing was written. Throws FileProblemError, `too_large` above 256 KiB. */
  read(signal: AbortSignal): Promise<string | null>;
  /** Shows the plan to the user. */
  display(content: string): void;
}
