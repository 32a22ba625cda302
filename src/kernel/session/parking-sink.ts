/** A client that may come back: what it was asked stays open when it leaves, instead of being answered with a no. */
import { orAbort } from "../abort.js";
import { ClientRequestError, type EventSink } from "../turn/event-sink.js";

/**
 * The same sink, but while `mayReturn` a request whose client is gone waits for its signal. Whoever closes the session
 * aborts the signals of all that waits.
 */
export function parkingSink(sink: EventSink, mayReturn: () => boolean): EventSink {
  return {
    deliver: (...delivery) => sink.deliver(...delivery),
    request: async (...request) => {
      try {
        return await sink.request(...request);
      } catch (error) {
        if (!(error instanceof ClientRequestError) || error.code !== "closed" || !mayReturn()) throw error;
        const signal = request[2];
        return await orAbort(new Promise(() => {}), signal).catch(() => {
          throw new ClientRequestError("aborted", error.message);
        });
      }
    },
    ready: () => sink.ready(),
    isIdTaken: (id) => sink.isIdTaken(id),
  };
}
