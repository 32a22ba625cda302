/**
 * Runs a kernel from its first to its last line in memory, for a session and in folders that do not exist: V8 compiles a
 * function when it is first called, and that is most of what a fresh kernel does before it asks the model.
 */
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { EXTENSIONS } from "../wire/generated/extensions.gen.js";
import { PROTOCOL_VERSION } from "../wire/generated/tables.gen.js";
import { portTransport } from "../wire/port-transport.js";
import { parseFlags } from "./config/kernel-flags.js";
import { silentLogger } from "./logger.js";
import { startKernel } from "./start-kernel.js";
import { describeSelf } from "./storage/lock-holder.js";

/** A model that is never asked. */
const CONFIG = `default_model = "m"
[models.m]
provider = "p"
model = "m"
max_context_size = 100000
[providers.p]
type = "openai_legacy"
base_url = "http://127.0.0.1/v1"
api_key = ""
`;

/** What a client that takes over a turn says. There is none here, so the last one is refused. */
const REQUESTS = [
  ["initialize", { protocol_version: PROTOCOL_VERSION, capabilities: { extensions: [...EXTENSIONS] } }],
  ["replay", { since: 0 }],
  ["resume", { turn_id: randomUUID() }],
] as const;

/** Writes nothing. Gives what that kernel had sent when it has ended. */
export async function rehearseKernel(): Promise<string> {
  const nowhere = join(tmpdir(), `rehearsal-${randomUUID()}`);
  const parsed = parseFlags(["--wire", "--session", randomUUID(), "--ask-always", "--config", CONFIG], {
    cwd: tmpdir(),
  });
  if (parsed.kind !== "run") throw new Error("The flags of the rehearsal are wrong");
  describeSelf("");
  const { port1, port2 } = new MessageChannel();
  const kernel = startKernel({
    flags: { ...parsed.flags, workDir: nowhere },
    env: { HOME: nowhere },
    place: { shareDir: nowhere, logger: { ...silentLogger, file: "", hide: () => {}, close: async () => {} } },
    transport: portTransport(port2),
    signal: new AbortController().signal,
  });
  const client = portTransport(port1);
  kernel.catch(() => client.close());
  for (const [i, [method, params]] of REQUESTS.entries()) {
    client.writable.write(`${JSON.stringify({ jsonrpc: "2.0", id: `${i + 1}`, method, params })}\n`);
  }
  let sent = "";
  for await (const chunk of client.readable.setEncoding("utf8")) {
    sent += chunk;
    if (REQUESTS.every((_, i) => sent.includes(`"id":"${i + 1}"`))) client.writable.end();
  }
  await kernel;
  return sent;
}
