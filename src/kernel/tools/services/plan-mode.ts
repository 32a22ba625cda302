/** Plan mode of the session: reading and planning only, until the plan is approved. */
export interface PlanMode {
  readonly active: boolean;
  /** Absolute path of the session's plan file; the one file that may be written while planning. */
  readonly planFile: string;
  /** Takes effect for the next step; stored with the session. */
  set(active: boolean): void;
  /** Shows the plan to the user. */
  display(content: string): void;
}
