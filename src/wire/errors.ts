import { ERRORS } from "./generated/tables.gen.js";

/** One row of the error table: the JSON-RPC number and the sentence, `<name>` being a place to fill in. */
export interface ErrorRow {
  readonly number: number;
  readonly message: string;
}

export type ErrorCode = keyof typeof ERRORS;

/** The `error` member of a JSON-RPC response; `data` is always there, null when it says nothing. */
export interface ErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data: unknown;
}

const INTERNAL = ERRORS.internal_error.number;

/**
 * A failure that a JSON-RPC peer can be told about. `code` is a key of `ERRORS`, or one of the local codes of a
 * connection (`closed`, `cancelled`, `invalid_response`, `duplicate_id`, `not_serving`, `unserialisable`,
 * `line_too_long`), or what a peer put into `data.code`.
 */
export class WireError extends Error {
  readonly code: string;
  readonly number: number;
  readonly data: unknown;

  constructor(code: string, message: string, options: { number?: number; data?: unknown; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "WireError";
    this.code = code;
    this.number = options.number ?? INTERNAL;
    this.data = options.data ?? null;
  }
}

/** Builds the error of a table row; `fill` replaces the `<name>` places, `data` becomes the error's data. */
export function wireError(
  code: ErrorCode,
  options: { fill?: Readonly<Record<string, string>>; data?: unknown; cause?: unknown } = {},
): WireError {
  const row: ErrorRow = ERRORS[code];
  const fill = options.fill ?? {};
  const message = row.message.replace(/<(\w+)>/g, (place, name: string) => fill[name] ?? place);
  return new WireError(code, message, { number: row.number, data: options.data, cause: options.cause });
}

/**
 * The one mapper from anything thrown to an error that may cross. A WireError passes as it is; everything else becomes
 * the internal error, class name and text only, never a stack. Never throws.
 */
export function toWireError(thrown: unknown): WireError {
  if (thrown instanceof WireError) {
    return thrown;
  }
  return wireError("internal_error", { fill: describe(thrown), cause: thrown });
}

/** The JSON-RPC error object of an error. */
export function errorObject(error: WireError): ErrorObject {
  return { code: error.number, message: error.message, data: error.data };
}

/** The mapper back: a peer's error object as a WireError, whose code comes from `data.code`, else from the table. */
export function fromWireError(error: { code: number; message: string; data?: unknown }): WireError {
  const { code: number, message, data } = error;
  return new WireError(codeInData(data) ?? codeInTable(number, message), message, { number, data });
}

function codeInData(data: unknown): string | null {
  if (typeof data !== "object" || data === null || !Object.hasOwn(data, "code")) {
    return null;
  }
  const code: unknown = Reflect.get(data, "code");
  return typeof code === "string" ? code : null;
}

function codeInTable(number: number, message: string): string {
  const rows: [string, ErrorRow][] = Object.entries(ERRORS);
  const same = rows.filter(([, row]) => row.number === number);
  const exact = same.find(([, row]) => row.message === message);
  if (exact !== undefined) {
    return exact[0];
  }
  // Three sentences share -32000: without the exact one it only says that the moment was wrong.
  return number === ERRORS.no_turn.number ? "invalid_state" : (same[0]?.[0] ?? "unknown");
}

function describe(thrown: unknown): { exception: string; text: string } {
  try {
    if (!(thrown instanceof Error)) {
      return { exception: "Error", text: String(thrown) };
    }
    const name = thrown.name === "Error" ? thrown.constructor.name || "Error" : thrown.name;
    return { exception: name, text: thrown.message };
  } catch {
    return { exception: "Error", text: "unknown" };
  }
}
