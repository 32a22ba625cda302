/** Serves the client's methods on one connection. The only place where outcomes become results and errors wire errors. */
import { type Connection, createConnection } from "../../wire/connection.js";
import type { Call, Handlers, ParamsSchema } from "../../wire/dispatch.js";
import { wireError } from "../../wire/errors.js";
import type { FramingName } from "../../wire/framing.js";
import type { Transport } from "../../wire/transport.js";
import { initializeParams } from "../../wire/validators/lifecycle.js";
import {
  cancelParams,
  promptParams,
  replayParams,
  setPlanModeParams,
  steerParams,
} from "../../wire/validators/turn.js";
import type { Logger } from "../logger.js";
import type { ExtensionServer } from "./extension-server.js";
import { type InitializeDeps, initialize } from "./initialize.js";
import { kernelWireError } from "./kernel-wire-error.js";
import { type ClientSink, WireEventSink } from "./wire-event-sink.js";

/** Whoever serves the method checks them. */
const UNREAD: ParamsSchema<unknown> = { safeParse: (data) => ({ success: true, data }) };

/** The methods of Wire 1.10 with the check of their params; behind them those of extensions. */
const METHODS = {
  initialize: initializeParams,
  prompt: promptParams,
  steer: steerParams,
  set_plan_mode: setPlanModeParams,
  replay: replayParams,
  cancel: cancelParams,
  resume: UNREAD,
  ping: UNREAD,
} as const;

export interface KernelConnection {
  connection: Connection<typeof METHODS>;
  sink: ClientSink;
}

/** Opens the connection of one client. Nothing is read before `serveKernel`. */
export function connectClient(transport: Transport, framing: FramingName, logger: Logger): KernelConnection {
  const connection = createConnection({
    transport,
    methods: METHODS,
    framing,
    onIgnored: (reason, detail) => logger.debug({ reason, detail: String(detail) }, "ignored input"),
  });
  return { connection, sink: new WireEventSink(connection) };
}

export interface ServeDeps extends InitializeDeps {
  /** Bytes of memory that the kernel holds. */
  rss: () => number;
  /** True once something asked for the runtime. */
  isLoading: () => boolean;
  logger: Logger;
}

/**
 * Starts serving. Requests that need the runtime wait for it in order, so that a burst of them meets the same states
 * as if it had been there.
 */
export function serveKernel({ connection, sink }: KernelConnection, deps: ServeDeps): void {
  const { logger, runtime } = deps;
  let extended: ExtensionServer | null = null;
  /** Whatever comes behind an initialize waits for it: the tools it offers belong to the next turn. Never rejects. */
  let initialized: Promise<unknown> = Promise.resolve();
  const ready = async () => {
    await initialized;
    return await runtime();
  };
  const clientId = (call: Call) => extended?.clientId(call) ?? null;
  const runInitialize = async (params: Parameters<typeof initialize>[0]) => {
    const loaded = deps.isLoading() ? await runtime() : null;
    loaded?.session.requireIdle();
    const result = await initialize(params, deps);
    const names = result.capabilities?.extensions ?? [];
    extended?.close();
    // Its code costs nothing to those who ask for no extension.
    extended =
      names.length > 0 ? (await import("./extension-server.js")).openExtensions(names, connection, deps) : null;
    sink.extended = extended?.lines ?? null;
    // A client that starts anew may not know them; one answer is enough.
    sink.replay(loaded?.openApprovals() ?? []);
    setImmediate(warmUp);
    return { ...result, ...extended?.introduce(loaded) };
  };
  const handlers: Handlers<typeof METHODS> = {
    initialize: guarded((params) => {
      const result = initialized.then(() => runInitialize(params));
      initialized = result.catch(() => {});
      return result;
    }),
    prompt: guarded(async ({ user_input }, call) => (await ready()).session.prompt(user_input, clientId(call))),
    steer: guarded(async ({ user_input }, call) => {
      await (await ready()).session.steer(user_input, clientId(call));
      return { status: "steered" };
    }),
    set_plan_mode: guarded(async ({ enabled }) => ({
      status: "ok",
      plan_mode: await (await ready()).session.setPlanMode(enabled),
    })),
    replay: guarded(async (_params, call) => {
      const loaded = await ready();
      const since = extended?.since(call, loaded.resume);
      return loaded.session.replay((records) => sink.replay(records), since).catch(replayFailed);
    }),
    cancel: guarded(async (_params, call) => {
      await (await ready()).session.cancel(clientId(call));
      return {};
    }),
    resume: guarded(serveExtended),
    ping: guarded(serveExtended),
  };
  connection.serve(handlers);

  /** After the reply is out, so that the first prompt finds loaded what it needs and nobody has waited for it. */
  function warmUp(): void {
    // Nobody would close what is made for a client that has left.
    if (connection.signal.aborted) return;
    runtime()
      .then((loaded) => {
        extended?.attach(loaded);
        return loaded.warmUp();
      })
      .catch((error: unknown) => logger.error({ err: error }, "the kernel could not be set up"));
  }

  /** Without any extension its methods do not exist. */
  async function serveExtended(_params: unknown, call: Call): Promise<unknown> {
    await initialized;
    if (extended === null) throw wireError("method_not_found", { fill: { method: call.method } });
    return extended.serve(call, runtime);
  }

  /** Every error a handler throws leaves through the one mapper; what is not expected is logged whole. */
  function guarded<P>(handle: (params: P, call: Call) => unknown): (params: P, call: Call) => Promise<unknown> {
    return async (params, call) => {
      try {
        return await handle(params, call);
      } catch (error) {
        const mapped = kernelWireError(error);
        if (mapped.code === "internal_error") logger.error({ err: error }, "a request failed unexpectedly");
        throw mapped;
      }
    };
  }
}

function replayFailed(error: unknown): never {
  const mapped = kernelWireError(error);
  throw mapped.code === "internal_error" ? wireError("replay_failed", { cause: error }) : mapped;
}
