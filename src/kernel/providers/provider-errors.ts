/** From what the SDK and the network throw to the one error class of model calls. */
import { errorMessage } from "../errors.js";
import { HttpHeaders } from "./http-headers.js";
import { asRecord, asText } from "./json-values.js";
import { ProviderError } from "./provider.js";
import { statusError } from "./server-error.js";

const MAX_RETRY_AFTER_MS = 24 * 3600 * 1000;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME|ERR_SSL|EPROTO/;

/**
 * Maps anything thrown while a request was made. `bodyOf` gives the raw body of an error reply by its headers, so that
 * the server's own words survive the SDK; `origin` names the server in messages about the connection.
 */
export function toProviderError(
  error: unknown,
  origin: string,
  bodyOf: (headers: object) => string | undefined,
): ProviderError {
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if (cause instanceof ProviderError) return cause;
  }
  const fields = asRecord(error);
  const status = fields?.status;
  const headers = fields?.headers;
  if (typeof status === "number" && headers instanceof HttpHeaders) {
    const body = bodyOf(headers) ?? "";
    if (status >= 300 && status < 400) return redirectError(status, headers.get("location"), error);
    return statusError(status, body, retryAfterMs(headers), error);
  }
  return connectionError(error, origin);
}

/** Retry-After in milliseconds, from seconds, a date or `retry-after-ms`; null when absent or unusable. */
export function retryAfterMs(headers: Pick<HttpHeaders, "get">, now: number = Date.now()): number | null {
  const exact = Number.parseFloat(headers.get("retry-after-ms") ?? "");
  const text = headers.get("retry-after") ?? "";
  const seconds = /^\s*[\d.]+\s*$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  let ms = Number.isFinite(exact) ? exact : seconds * 1000;
  if (!Number.isFinite(ms)) ms = Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(0, Math.round(ms)), MAX_RETRY_AFTER_MS) : null;
}

function redirectError(status: number, location: string | null, cause: unknown): ProviderError {
  const to = location === null ? "elsewhere" : `to ${location}`;
  return new ProviderError(`The model server answered ${status} and points ${to}: set base_url to the final address.`, {
    errorType: "APIStatusError",
    code: `http_${status}`,
    retryable: false,
    statusCode: status,
    cause,
  });
}

/** A failure of the network: refused, reset, unknown host, TLS, timeout. All but broken certificates are retryable. */
export function connectionError(error: unknown, origin: string): ProviderError {
  const root = rootCause(error);
  const code = asText(asRecord(root)?.code);
  const text = errorMessage(root) || code || "unknown reason";
  if (code === "ETIMEDOUT" || /timed? ?out/i.test(text)) {
    return new ProviderError(`Connecting to ${origin} took too long: ${text}`, {
      errorType: "APITimeoutError",
      code: "connect_timeout",
      retryable: true,
      cause: error,
    });
  }
  const tls = CERTIFICATE.test(code);
  return new ProviderError(`No connection to ${origin}: ${text}`, {
    errorType: "APIConnectionError",
    code: tls ? "tls_failed" : code === "ECONNREFUSED" ? "connection_refused" : "connection_failed",
    retryable: !tls,
    cause: error,
  });
}

/** The innermost cause; for addresses tried in parallel the first of them. */
function rootCause(error: unknown): unknown {
  let root = error;
  for (let depth = 0; root instanceof Error && root.cause instanceof Error && depth < 5; depth++) root = root.cause;
  return root instanceof AggregateError && root.errors.length > 0 ? (root.errors[0] as unknown) : root;
}
