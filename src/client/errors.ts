/** Failures of the kernel process as a client sees them; they never cross the wire. */
export type KernelProcessErrorCode = "spawn_failed" | "handshake_timeout" | "version_mismatch" | "crashed" | "closed";

export class KernelProcessError extends Error {
  readonly code: KernelProcessErrorCode;

  constructor(code: KernelProcessErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "KernelProcessError";
    this.code = code;
  }
}
