import * as z from "zod/mini";
import { createConnection } from "../connection.js";
import { stdioTransport } from "../transport.js";

/**
 * A small real kernel for the process tests: a connection over this process's stdio. When the connection is over it
 * closes it, reports on stderr what it saw, and leaves the exit to Node, so that a timer left behind would show.
 */
const connection = createConnection({
  transport: stdioTransport(process.stdin, process.stdout),
  methods: { echo: z.unknown(), hold: z.unknown(), flood: z.unknown(), burst: z.object({ lines: z.number() }) },
});

const line = (n: number): string => JSON.stringify({ n, text: "x".repeat(150) });
let mostQueued = 0;

async function flood(): Promise<void> {
  for (let n = 0; !connection.signal.aborted; n++) {
    if (!connection.writeLines(line(n))) {
      await new Promise(setImmediate);
    }
    mostQueued = Math.max(mostQueued, connection.queuedBytes);
    await connection.ready();
  }
}

connection.serve({
  echo: (params) => params,
  hold: () => new Promise(() => {}),
  flood,
  burst: ({ lines }) => {
    for (let n = 0; n < lines; n++) {
      connection.writeLines(line(n));
    }
    return { lines };
  },
});

const { kind } = await connection.closed;
const flushed = await connection.close(5000);
const broken = flushed ? null : await connection.outputClosed;
process.stderr.write(
  JSON.stringify({
    kind,
    flushed,
    error: broken === null ? null : Reflect.get(broken, "code"),
    dropped: connection.droppedLines,
    mostQueued,
    ignored: connection.ignored,
  }),
);
