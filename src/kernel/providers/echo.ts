/** The provider that plays the script in the last user message. */
import type { ResolvedModel } from "../config/config.js";
import type { Message } from "../messages.js";
import { echoError } from "./echo-payload.js";
import { streamEchoScript } from "./echo-stream.js";
import type { Capability, ChatProvider, ChatRequest, StreamEnd, StreamPart } from "./provider.js";

export function createEcho(resolved: ResolvedModel): ChatProvider {
  return new Echo(resolved);
}

class Echo implements ChatProvider {
  readonly modelName = "echo";
  readonly capabilities: ReadonlySet<Capability>;
  readonly maxContextSize: number;

  constructor(resolved: ResolvedModel) {
    this.capabilities = resolved.capabilities;
    this.maxContextSize = resolved.model.max_context_size;
  }

  async *stream(request: ChatRequest, signal: AbortSignal): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
    signal.throwIfAborted();
    request.onRequestSent?.();
    return yield* streamEchoScript(scriptIn(request.messages), "EchoChatProvider", signal);
  }
}

function scriptIn(messages: readonly Message[]): string {
  const user = messages.findLast((message) => message.role === "user");
  if (user === undefined) throw echoError("EchoChatProvider needs a user message in the history.");
  return user.content.map((part) => (part.type === "text" ? part.text : "")).join("\n");
}
