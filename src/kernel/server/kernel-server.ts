/** Serves the client's methods on one connection. The only place where outcomes become results and errors wire errors. */
import { type Connection, createConnection } from "../../wire/connection.js";
import type { Handlers } from "../../wire/dispatch.js";
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
import { type InitializeDeps, initialize } from "./initialize.js";
import { kernelWireError } from "./kernel-wire-error.js";
import { type ClientSink, WireEventSink } from "./wire-event-sink.js";

/** The methods of Wire 1.10 with the check of their params. */
const METHODS = {
  initialize: initializeParams,
  prompt: promptParams,
  steer: steerParams,
  set_plan_mode: setPlanModeParams,
  replay: replayParams,
  cancel: cancelParams,
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
  /** Whatever comes behind an initialize waits for it: the tools it offers belong to the next turn. Never rejects. */
  let initialized: Promise<unknown> = Promise.resolve();
  const session = async () => {
    await initialized;
    return (await runtime()).session;
  };
  const runInitialize = async (params: Parameters<typeof initialize>[0]) => {
    const loaded = deps.isLoading() ? await runtime() : null;
    loaded?.session.requireIdle();
    const result = await initialize(params, deps);
    // A client that starts anew may not know them; one answer is enough.
    sink.replay(loaded?.openApprovals() ?? []);
    setImmediate(warmUp);
    return result;
  };
  const handlers: Handlers<typeof METHODS> = {
    initialize: guarded((params) => {
      const result = initialized.then(() => runInitialize(params));
      initialized = result.catch(() => {});
      return result;
    }),
    prompt: guarded(async ({ user_input }) => (await session()).prompt(user_input, null)),
    steer: guarded(async ({ user_input }) => {
      (await session()).steer(user_input, null);
      return { status: "steered" };
    }),
    set_plan_mode: guarded(async ({ enabled }) => ({
      status: "ok",
      plan_mode: await (await session()).setPlanMode(enabled),
    })),
    replay: guarded(async () => (await session()).replay((records) => sink.replay(records)).catch(replayFailed)),
    cancel: guarded(async () => {
      (await session()).cancel(null);
      return {};
    }),
  };
  connection.serve(handlers);

  /** After the reply is out, so that the first prompt finds loaded what it needs and nobody has waited for it. */
  function warmUp(): void {
    runtime()
      .then((loaded) => loaded.warmUp())
      .catch((error: unknown) => logger.error({ err: error }, "the kernel could not be set up"));
  }

  /** Every error a handler throws leaves through the one mapper; what is not expected is logged whole. */
  function guarded<P>(handle: (params: P) => unknown): (params: P) => Promise<unknown> {
    return async (params) => {
      try {
        return await handle(params);
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
