/** One sidecar without supervision: when it dies, the client is dead. */
import { KernelProcessError } from "../src/client/errors.js";
import { EventChannel } from "../src/client/event-channel.js";
import type { HostHandlers } from "../src/client/host.js";
import type { Launched } from "../src/client/launcher.js";
import { sidecarLauncher } from "../src/client/sidecar-launcher.js";
import { type Connection, createConnection } from "../src/wire/connection.js";
import type { ParamsSchema } from "../src/wire/dispatch.js";
import { WireError, wireError } from "../src/wire/errors.js";
import type {
  ApprovalRequest,
  Event,
  InitializeResult,
  PromptResult,
  QuestionRequest,
} from "../src/wire/generated/types.gen.js";
import type { HostClient, HostTurn, OpenOptions } from "./host-client.js";

interface KernelRequest {
  type: string;
  payload: { id: string };
}

const methods = {
  request: {
    safeParse: (value: unknown): ReturnType<ParamsSchema<KernelRequest>["safeParse"]> => {
      return { success: true, data: value as KernelRequest };
    },
  },
};
const USAGE_ERROR = 2;

/** Starts `kernel --wire` of this installation. Throws KernelProcessError. */
export async function openPlainClient(options: OpenOptions): Promise<HostClient> {
  const { handlers, signal, cwd, env } = options;
  const launcher = sidecarLauncher({ command: [process.execPath, process.argv[1] as string], cwd, env });
  const args = ["--session", options.session, ...options.args, ...options.firstArgs];
  const launched = await launcher.launch({ args, signal });
  const client = new PlainClient(launched, handlers, options.session);
  signal.addEventListener("abort", () => void client.close(), { once: true });
  if (signal.aborted) await client.close();
  await client.initialize({
    protocol_version: "1.10",
    client: options.client,
    capabilities: { supports_question: handlers.onQuestion !== undefined, supports_plan_mode: options.planMode },
  });
  return client;
}

class PlainClient implements HostClient {
  readonly session: string;
  readonly mode = "sidecar";
  readonly openTurn = null;
  info!: InitializeResult;
  readonly #launched: Launched;
  readonly #connection: Connection<typeof methods>;
  readonly #handlers: HostHandlers;
  #channel: EventChannel<Event> | null = null;

  constructor(launched: Launched, handlers: HostHandlers, session: string) {
    this.session = session;
    this.#launched = launched;
    this.#handlers = handlers;
    this.#connection = createConnection({
      transport: launched.transport,
      methods,
      answerBadLines: false,
      onNotification: (method, params) => {
        if (method !== "event") return;
        this.#handlers.onEnvelope?.("event", params as Event);
        this.#channel?.push(params as Event);
      },
    });
    this.#connection.serve({ request: (request) => this.#serve(request) });
  }

  async initialize(params: object): Promise<void> {
    try {
      this.info = (await this.#connection.request("initialize", params)) as InitializeResult;
    } catch (error) {
      const { code, signal, stderrTail } = await this.#launched.stop();
      if (!isClosed(error)) throw error;
      const refused = code === USAGE_ERROR;
      const data = { code, signal, stderrTail };
      throw new KernelProcessError(refused ? "refused" : "exited_early", stderrTail.trim(), { cause: error, data });
    }
  }

  prompt(input: string): HostTurn {
    const channel = new EventChannel<Event>();
    this.#channel ??= channel;
    const result = this.#connection
      .request("prompt", { user_input: input })
      .catch(async (error: unknown) => {
        if (!isClosed(error)) throw error;
        const data = { ...(await this.#launched.exited) };
        throw new KernelProcessError("crashed", "it ended in mid-turn.", { cause: error, data });
      })
      .finally(() => {
        if (this.#channel === channel) this.#channel = null;
        channel.close();
      }) as Promise<PromptResult>;
    result.catch(() => {});
    return { id: null, result, [Symbol.asyncIterator]: () => channel[Symbol.asyncIterator]() };
  }

  resume(): HostTurn {
    throw new KernelProcessError("turn_broken", "This client cannot go on with a turn.");
  }

  async steer(input: string): Promise<void> {
    await this.#connection.request("steer", { user_input: input });
  }

  async cancel(): Promise<void> {
    await this.#connection.request("cancel", {});
  }

  async close(): Promise<void> {
    await this.#connection.close();
    await this.#launched.stop();
  }

  async #serve({ type, payload }: KernelRequest): Promise<object> {
    this.#handlers.onEnvelope?.("request", { type, payload });
    const { signal } = this.#connection;
    const { onApproval, onQuestion } = this.#handlers;
    if (type === "ApprovalRequest" && onApproval !== undefined) {
      const answer = await onApproval(payload as ApprovalRequest, { signal, grant: undefined });
      return { ...answer, request_id: payload.id };
    }
    if (type === "QuestionRequest" && onQuestion !== undefined) {
      return { answers: await onQuestion(payload as QuestionRequest, { signal }), request_id: payload.id };
    }
    throw wireError("method_not_found", { fill: { method: type } });
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof WireError && error.code === "closed";
}
