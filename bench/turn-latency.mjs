// What the kernel adds to a turn: prompt line written -> request head at the server, and first chunk written by the
// server -> event line read by the client. A bare relay without a kernel is the floor, and shows the client's own share.
import { fileURLToPath } from "node:url";
import { figure } from "./figures.mjs";
import { msBetween, textPieces } from "./kernel-session.mjs";
import { startModelServer } from "./model-server.mjs";
import { settled } from "./process-usage.mjs";
import { TURN_WORDS } from "./replies.mjs";
import { ScratchHome } from "./scratch-home.mjs";

const TURNS = 40;
const WARM_UPS = 8;
const COLD_SESSIONS = 7;
/** Between turns, so that no turn pays for the end of the one before. */
const REST_MS = 30;
const relay = fileURLToPath(new URL("bare-relay.mjs", import.meta.url));

/** Gives the rows of this bench. */
export async function run({ nodeArgs }) {
  const server = await startModelServer();
  const home = new ScratchHome(server.baseUrl("turn"), nodeArgs);
  try {
    const url = `${server.baseUrl("turn")}/chat/completions`;
    const floor = await warmTurns(home.start([process.execPath, relay, url]), server);
    const kernel = await warmTurns(home.startKernel(), server);
    const cold = await coldTurns(home, server);
    return [
      figure(
        "prompt -> request, warm",
        "ms",
        kernel.map((turn) => turn.toRequest),
        { target: { atMost: 3 } },
      ),
      figure(
        "prompt -> request, bare relay (floor)",
        "ms",
        floor.map((turn) => turn.toRequest),
      ),
      figure(
        "first token -> event, warm",
        "ms",
        kernel.map((turn) => turn.toEvent),
        { target: { atMost: 1 } },
      ),
      figure(
        "first token -> event, bare relay (floor)",
        "ms",
        floor.map((turn) => turn.toEvent),
      ),
      figure("first prompt -> request, at once", "ms", cold.atOnce, { digits: 1 }),
      figure("first prompt -> request, after a rest", "ms", cold.rested, { digits: 1 }),
    ];
  } finally {
    home.remove();
    await server.close();
  }
}

async function warmTurns(session, server) {
  const turns = [];
  try {
    await session.initialize();
    for (let turn = -WARM_UPS; turn < TURNS; turn++) {
      const timing = await oneTurn(session, server);
      if (turn >= 0) turns.push(timing);
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
    }
  } finally {
    await session.close();
  }
  return turns;
}

async function coldTurns(home, server) {
  const cold = { atOnce: [], rested: [] };
  for (let round = 0; round < COLD_SESSIONS; round++) {
    for (const [kind, samples] of Object.entries(cold)) {
      const session = home.startKernel();
      try {
        await session.initialize();
        if (kind === "rested") await settled(session.pid);
        samples.push((await oneTurn(session, server)).toRequest);
      } finally {
        await session.close();
      }
    }
  }
  return cold;
}

async function oneTurn(session, server) {
  const before = session.events.length;
  const { sentAt } = await session.call("prompt", { user_input: "hello" });
  const { seenAt, firstChunkAt } = await server.report();
  const pieces = textPieces(session.events.slice(before));
  if (pieces.map(({ text }) => text).join("") !== TURN_WORDS.join(""))
    throw new Error("the reply did not arrive whole");
  return { toRequest: msBetween(sentAt, seenAt), toEvent: msBetween(firstChunkAt, pieces[0].at) };
}
