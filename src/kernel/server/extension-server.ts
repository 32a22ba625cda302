/** What the extensions add to the methods of one connection. Loaded when a client asks for one by name. */
import type { Connection } from "../../wire/connection.js";
import type { Call, ParamsSchema } from "../../wire/dispatch.js";
import { wireError } from "../../wire/errors.js";
import { EXTENSIONS, type ExtensionName, type OpenTurn } from "../../wire/generated/extensions.gen.js";
import { jsonLine } from "../../wire/json-line.js";
import { clientId, replaySince, resumeParams } from "../../wire/validators/extensions.js";
import type { KernelRuntime } from "../kernel.js";
import type { SessionResume } from "../session/session-resume.js";
import type { SentRecord } from "../turn/event-sink.js";
import { ExtendedLines } from "./extended-lines.js";
import { Heartbeat } from "./heartbeat.js";

export interface ExtensionDeps {
  /** Bytes of memory that the kernel holds. */
  rss: () => number;
}

/** Turns these extensions on. */
export function openExtensions(names: readonly string[], connection: Connection, deps: ExtensionDeps): ExtensionServer {
  return new ExtensionServer(new Set(EXTENSIONS.filter((name) => names.includes(name))), connection, deps);
}

/** The extensions that are on. `close` ends the heartbeat; so does the end of the connection. */
export class ExtensionServer {
  /** How the sink has to write. */
  readonly lines: ExtendedLines;
  readonly #names: ReadonlySet<ExtensionName>;
  readonly #heartbeat: Heartbeat | null;
  #runtime: KernelRuntime | null = null;

  constructor(names: ReadonlySet<ExtensionName>, connection: Connection, { rss }: ExtensionDeps) {
    this.lines = new ExtendedLines(names);
    this.#names = names;
    this.#heartbeat = names.has("heartbeat/1")
      ? new Heartbeat({
          send: (beat) => connection.writeLines(jsonLine({ jsonrpc: "2.0", method: "heartbeat", params: beat })),
          runtime: () => this.#runtime,
          rss,
        })
      : null;
    this.#heartbeat?.start(connection.signal);
  }

  /** What the heartbeat tells of from now on. */
  attach(runtime: KernelRuntime): void {
    this.#runtime = runtime;
  }

  close(): void {
    this.#heartbeat?.stop();
  }

  /** The client's own id of this call; null when it gave none, or may not give one. Throws invalid_params. */
  clientId(call: Call): string | null {
    if (!this.#names.has("resume/1") || !hasKey(call.rawParams, "client_id")) return null;
    return checked(clientId, call).client_id;
  }

  /**
   * The records that `replay {since}` asks for, read when they are iterated; undefined for a plain replay. Throws
   * invalid_params.
   */
  since(call: Call, resume: SessionResume): (() => Iterable<SentRecord>) | undefined {
    if (!this.#names.has("seq/1") || !hasKey(call.rawParams, "since")) return undefined;
    const { since } = checked(replaySince, call);
    return () => sentRecords(resume, since);
  }

  /** What the initialize result has besides; `runtime` is null while no session was named. */
  introduce(runtime: KernelRuntime | null): { open_turn?: OpenTurn } {
    const open = this.#names.has("resume/1") ? (runtime?.resume.openTurn() ?? null) : null;
    return open === null ? {} : { open_turn: { turn_id: open.turnId, client_id: open.clientId, seq: open.seq } };
  }

  /** Serves a method of the extensions. Rejects as SessionResume does, and with wire errors. */
  async serve(call: Call, runtime: () => Promise<KernelRuntime>): Promise<unknown> {
    const { method } = call;
    if (method === "ping" && this.#names.has("heartbeat/1")) return {};
    if (method !== "resume" || !this.#names.has("resume/1")) {
      throw wireError("method_not_found", { fill: { method } });
    }
    const { turn_id, action } = checked(resumeParams, call);
    return (await runtime()).resume.resume(turn_id, action ?? "continue");
  }
}

function hasKey(params: unknown, key: string): boolean {
  return typeof params === "object" && params !== null && Object.hasOwn(params, key);
}

function checked<T>(schema: ParamsSchema<T>, { method, rawParams }: Call): T {
  const parsed = schema.safeParse(rawParams);
  if (!parsed.success) throw wireError("invalid_params", { fill: { method }, cause: parsed.error });
  return parsed.data;
}

function* sentRecords(resume: SessionResume, since: number): Generator<SentRecord, void, void> {
  for (const { stamp, record } of resume.since(since)) {
    const { type, json } = record;
    yield { type, json, isRequest: record.kind === "request", id: null, stamp };
  }
}
