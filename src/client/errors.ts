/** Failures of the kernel as a client sees them; they never cross the wire. */
export type KernelProcessErrorCode =
  /** KERNEL_BIN, the package or PATH name no kernel that can be started. `data.reason` is the system's word (ENOENT, EACCES, ...). */
  | "not_found"
  | "spawn_failed"
  /** Gone before it answered initialize; `data` has code, signal and stderrTail. */
  | "exited_early"
  | "handshake_timeout"
  /** It answered with something that is no Wire, or of a version that this client does not speak. */
  | "version_mismatch"
  | "not_a_kernel"
  /**
   * It refused to start: usage, configuration or login, in its own words; or what the host said is wrong: its options, its
   * tools, its hooks. Starting another one would not help.
   */
  | "refused"
  /** It died and nothing is left to start; `data` has the cause. */
  | "crashed"
  /** The kernel cannot resume: the turn ended with it. The next prompt runs on the next kernel. */
  | "turn_broken"
  /** The kernel died twice at the same place of this turn: it was ended as it stood. */
  | "turn_quarantined"
  | "closed"
  | "aborted";

/** The message is one sentence for a person; `cause` is what the system said. */
export class KernelProcessError extends Error {
  readonly code: KernelProcessErrorCode;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(
    code: KernelProcessErrorCode,
    message: string,
    options: { cause?: unknown; data?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "KernelProcessError";
    this.code = code;
    this.data = options.data ?? {};
  }
}
