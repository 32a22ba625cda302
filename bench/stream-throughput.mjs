// A reply of 20,000 chunks of 4 characters, as fast as the kernel takes it: chunks a second from the server's first
// write to the client's last event, and the kernel's CPU for each. Every chunk has to come out as an event of its own.
import { fileURLToPath } from "node:url";
import { figure } from "./figures.mjs";
import { msBetween, textPieces } from "./kernel-session.mjs";
import { startModelServer } from "./model-server.mjs";
import { cpuMs, residentMb, settled } from "./process-usage.mjs";
import { BURST_CHARS, BURST_CHUNKS } from "./replies.mjs";
import { ScratchHome } from "./scratch-home.mjs";

const ROUNDS = 7;
const relay = fileURLToPath(new URL("bare-relay.mjs", import.meta.url));

/** Gives the rows of this bench. Each round is a fresh process: its first prompt is the burst. */
export async function run({ nodeArgs }) {
  const server = await startModelServer();
  const home = new ScratchHome(server.baseUrl("burst"), nodeArgs);
  const url = `${server.baseUrl("burst")}/chat/completions`;
  const kernel = [];
  const later = [];
  const floor = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      floor.push(...(await bursts(home.start([process.execPath, relay, url]), server, 1)));
      const [first, second] = await bursts(home.startKernel(), server, 2);
      kernel.push(first);
      later.push(second);
    }
  } finally {
    home.remove();
    await server.close();
  }
  return [
    figure("stream, chunks a second", "/s", rates(kernel), { target: { atLeast: 80_000 }, digits: 0 }),
    figure("stream, kernel CPU for a chunk", "us", costs(kernel), { target: { atMost: 12 }, digits: 1 }),
    figure("stream, second reply of a session", "/s", rates(later), { digits: 0 }),
    figure("stream, CPU for a chunk, second reply", "us", costs(later), { digits: 1 }),
    figure("stream, bare relay (floor)", "/s", rates(floor), { digits: 0 }),
    figure("stream, CPU for a chunk, bare relay (floor)", "us", costs(floor), { digits: 1 }),
    figure(
      "RSS after two streams",
      "MB",
      later.map(({ mb }) => mb),
      { digits: 1 },
    ),
  ];
}

const rates = (runs) => runs.map(({ ms }) => BURST_CHUNKS / (ms / 1000));
const costs = (runs) => runs.map(({ cpu }) => (cpu * 1000) / BURST_CHUNKS);

async function bursts(session, server, count) {
  const runs = [];
  try {
    await session.initialize();
    for (let n = 0; n < count; n++) {
      await settled(session.pid);
      session.events.length = 0;
      const before = cpuMs(session.pid);
      await session.call("prompt", { user_input: "go" });
      const cpu = cpuMs(session.pid) - before;
      const { firstChunkAt } = await server.report();
      runs.push({ ms: msBetween(firstChunkAt, lastEventOf(session.events)), cpu, mb: residentMb(session.pid) });
    }
  } finally {
    await session.close();
  }
  return runs;
}

/** The time of the last piece. Throws unless each chunk came as an event of its own, in order. */
function lastEventOf(events) {
  const pieces = textPieces(events);
  const wrong = pieces.findIndex(({ text }, i) => text !== String(i).padStart(BURST_CHARS, "0").slice(-BURST_CHARS));
  if (pieces.length !== BURST_CHUNKS || wrong >= 0) throw new Error(`${pieces.length} pieces, wrong from ${wrong}`);
  return pieces.at(-1).at;
}
