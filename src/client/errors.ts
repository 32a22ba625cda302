/** Failures of the kernel process as a client sees them; they never cross the wire. */
export type KernelProcessErrorCode = "spawn_failed" | "handshake_timeout" | "version_mismatch" | "crashed" | "closed";

/** The message is one sentence for a person; `cause` is what the system said. */
export class KernelProcessError extends Error {
  readonly code: KernelProcessErrorCode;

  constructor(code: KernelProcessErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "KernelProcessError";
    this.code = code;
  }
}
