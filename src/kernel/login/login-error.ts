/** Why a key could not be stored or removed. The command line has the sentences; `data` fills their places. */
export type LoginErrorCode =
  | "no_base_url"
  | "bad_base_url"
  | "type_without_list"
  | "unreachable"
  | "too_slow"
  | "key_refused"
  | "no_model_list"
  | "server_failed"
  | "not_a_list"
  | "no_models"
  | "model_not_listed";

export class LoginError extends Error {
  readonly code: LoginErrorCode;
  /** Never holds the key. */
  readonly data: Readonly<Record<string, string | number>>;

  constructor(code: LoginErrorCode, data: Readonly<Record<string, string | number>> = {}, cause?: unknown) {
    super(code, cause === undefined ? undefined : { cause });
    this.name = "LoginError";
    this.code = code;
    this.data = data;
  }
}
