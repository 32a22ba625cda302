/** How a turn ended, as its `turn_end` record keeps it, so that the same answer can be given again. Plain JSON. */
import { asObject } from "./line-json.js";

/** An error with what its class needs to be made again; `kind` says which class. */
export interface RecordedError {
  kind: "kernel" | "provider" | "other";
  /** Of the class. */
  name: string;
  /** The string code; "" for an error without one. */
  code: string;
  message: string;
  data: Readonly<Record<string, unknown>>;
}

export type TurnOutcome =
  | { result: Readonly<Record<string, unknown>>; error: null }
  | { result: null; error: RecordedError };

/** The outcome of a turn that was ended as it stood. */
export const INTERRUPTED: TurnOutcome = {
  result: null,
  error: {
    kind: "kernel",
    name: "KernelError",
    code: "turn_interrupted",
    message: "The turn was interrupted and has been closed as it stood.",
    data: {},
  },
};

/** Reads the `extra` of a turn_end record. What cannot be read, as in an older journal, is an error that says so. */
export function readOutcome(extra: unknown): TurnOutcome {
  const { result, error } = asObject(extra) ?? {};
  const given = asObject(result);
  if (given !== null) return { result: given, error: null };
  const { kind, name, code, message, data } = asObject(error) ?? {};
  if (typeof message !== "string") return error === "interrupted" ? INTERRUPTED : unreadable(error);
  return {
    result: null,
    error: {
      kind: kind === "kernel" || kind === "provider" ? kind : "other",
      name: typeof name === "string" ? name : "Error",
      code: typeof code === "string" ? code : "",
      message,
      data: asObject(data) ?? {},
    },
  };
}

function unreadable(error: unknown): TurnOutcome {
  const message = typeof error === "string" ? error : "How the turn ended was not recorded.";
  return { result: null, error: { kind: "other", name: "Error", code: "", message, data: {} } };
}
