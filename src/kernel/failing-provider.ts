/** A model driver that fails between a request and its answer, and between two reads of the answer. */
import type { FailPoints } from "./fail-points.js";
import type { ChatProvider, ChatRequest, StreamEnd, StreamPart } from "./providers/provider.js";

/** The same driver; the caller closes one of both. */
export function failingProvider(provider: ChatProvider, points: FailPoints): ChatProvider {
  return {
    modelName: provider.modelName,
    capabilities: provider.capabilities,
    maxContextSize: provider.maxContextSize,
    stream: (request, signal) => failingStream(provider, request, signal, points),
    warmUp: async () => provider.warmUp?.(),
    close: async () => provider.close?.(),
  };
}

async function* failingStream(
  provider: ChatProvider,
  request: ChatRequest,
  signal: AbortSignal,
  points: FailPoints,
): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
  let leave = (): void => {};
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const onRequestSent = () => {
    request.onRequestSent?.();
    leave();
  };
  const stream = provider.stream({ ...request, onRequestSent }, signal);
  try {
    const first = stream.next();
    await Promise.race([left.then(nextTurnOfLoop), settledOf(first)]);
    await points.reach("model_request");
    for (let next = await first; ; next = await stream.next()) {
      if (next.done) return next.value;
      yield next.value;
      // The turn asks for more: it has recorded and delivered what it got.
      for (const _part of next.value) await points.reach("model_stream");
    }
  } finally {
    // Not awaited: a driver that is stuck must not hold up who leaves.
    stream.return({ usage: null, messageId: null, finishReason: "other" }).catch(() => {});
  }
}

/** The word that a request is about to leave comes just before it does. */
function nextTurnOfLoop(): Promise<void> {
  return new Promise(setImmediate);
}

function settledOf(promise: Promise<unknown>): Promise<void> {
  return promise.then(
    () => {},
    () => {},
  );
}
