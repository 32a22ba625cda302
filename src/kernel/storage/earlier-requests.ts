/**
 * The client's requests of turns whose records are gone, as the header of a journal keeps them: a client that never
 * heard the answer may ask again after someone else's turns. Bounded in number and in bytes; the oldest go first.
 */
import { asObject, lineJson } from "./line-json.js";
import { readOutcome, type TurnOutcome } from "./turn-outcome.js";

export type EarlierRequest =
  | { readonly kind: "prompt"; readonly clientId: string; readonly turnId: string; readonly outcome: TurnOutcome }
  | { readonly kind: "steer" | "cancel"; readonly clientId: string };

/** Of prompts; of steers and cancels together as many, so that a turn with many of them drives no prompt out. */
const MOST = 64;
/** Of the JSON of all of them: every turn writes and fsyncs it once. */
const MOST_BYTES = 64 * 1024;
/** An error is told in full up to here (characters of JSON). */
const MOST_ERROR_CHARS = 4_096;
const MOST_MESSAGE_CHARS = 1_000;

/** The newest ones that are kept, oldest first. Takes them oldest first. */
export function newestRequests(requests: readonly EarlierRequest[]): EarlierRequest[] {
  const kept: EarlierRequest[] = [];
  const room = { prompts: MOST, others: MOST, bytes: MOST_BYTES };
  for (const request of requests.toReversed()) {
    const one = request.kind === "prompt" ? { ...request, outcome: shortened(request.outcome) } : request;
    const count = one.kind === "prompt" ? "prompts" : "others";
    if (room[count] === 0) continue;
    room[count] -= 1;
    room.bytes -= Buffer.byteLength(lineJson(storedRequest(one)));
    if (room.bytes < 0) break;
    kept.push(one);
  }
  return kept.reverse();
}

/** As JSON of the header; undefined for none, so that a journal without them is as it always was. */
export function storedRequests(requests: readonly EarlierRequest[]): unknown {
  return requests.length === 0 ? undefined : requests.map(storedRequest);
}

/** From the JSON of a header; what is none is left out. */
export function readRequests(stored: unknown): EarlierRequest[] {
  return (Array.isArray(stored) ? stored : []).flatMap((item): EarlierRequest[] => {
    const fields = asObject(item) ?? {};
    const { kind, client_id: clientId, turn_id: turnId } = fields;
    if (typeof clientId !== "string") return [];
    if (kind === "steer" || kind === "cancel") return [{ kind, clientId }];
    if (kind !== "prompt" || typeof turnId !== "string") return [];
    return [{ kind, clientId, turnId, outcome: readOutcome(fields) }];
  });
}

function storedRequest(request: EarlierRequest): Record<string, unknown> {
  const { kind, clientId } = request;
  if (request.kind !== "prompt") return { kind, client_id: clientId };
  const { turnId, outcome } = request;
  return { kind, client_id: clientId, turn_id: turnId, ...outcome };
}

function shortened(outcome: TurnOutcome): TurnOutcome {
  const { error } = outcome;
  if (error === null || lineJson(error).length <= MOST_ERROR_CHARS) return outcome;
  const short = { ...error, message: firstWords(error.message) };
  return { result: null, error: lineJson(short).length <= MOST_ERROR_CHARS ? short : { ...short, data: {} } };
}

/** Never ends in half a character. */
function firstWords(text: string): string {
  return text.length <= MOST_MESSAGE_CHARS ? text : `${[...text.slice(0, MOST_MESSAGE_CHARS)].slice(0, -1).join("")} …`;
}
