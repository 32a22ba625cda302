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
import type { Session } from "../session/session.js";
import { type InitializeDeps, initialize } from "./initialize.js";
import { kernelWireError } from "./kernel-wire-error.js";
import { WireEventSink } from "./wire-event-sink.js";

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
  sink: WireEventSink;
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
  session: Session;
  logger: Logger;
  /** Called once the reply of the first initialize is on its way. */
  onInitialized: () => void;
}

/** Starts serving. */
export function serveKernel({ connection, sink }: KernelConnection, deps: ServeDeps): void {
  const { session, logger } = deps;
  const handlers: Handlers<typeof METHODS> = {
    initialize: guarded(async (params) => {
      session.requireIdle();
      const result = await initialize(params, deps);
      deps.onInitialized();
      return result;
    }),
    prompt: guarded((params) => session.prompt(params.user_input, null)),
    steer: guarded((params) => {
      session.steer(params.user_input, null);
      return { status: "steered" };
    }),
    set_plan_mode: guarded(() => {
      throw wireError("plan_mode_not_supported");
    }),
    replay: guarded(() => session.replay((records) => sink.replay(records)).catch(replayFailed)),
    cancel: guarded(() => {
      session.cancel(null);
      return {};
    }),
  };
  connection.serve(handlers);

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
