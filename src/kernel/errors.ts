/**
 * Errors that the kernel's own folders throw. They carry a string code and one plain sentence. They never cross the
 * wire as they are: `server/turn-error.ts` maps them to a number, a message and `data.code`.
 */
export type KernelErrorCode =
  | "turn_in_progress"
  | "no_turn"
  | "kernel_stopped"
  | "turn_interrupted"
  | "not_supported"
  | "llm_not_set"
  | "llm_not_supported"
  | "media_too_large"
  | "session_locked"
  | "storage_full"
  | "storage_failed"
  | "session_damaged"
  | "config_invalid"
  | "usage"
  | "start_failed";

export class KernelError extends Error {
  readonly code: KernelErrorCode;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(
    code: KernelErrorCode,
    message: string,
    options: { cause?: unknown; data?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "KernelError";
    this.code = code;
    this.data = options.data ?? {};
  }
}

/** One sentence for a person, from anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
