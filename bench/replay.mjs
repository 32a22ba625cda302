// replay of a session of 10 MB: request written -> answer read, all records between them. Once for a session that this
// kernel has worked on, once for one that another Wire kernel left behind.
import { randomUUID } from "node:crypto";
import { figure } from "./figures.mjs";
import { msBetween } from "./kernel-session.mjs";
import { startModelServer } from "./model-server.mjs";
import { ScratchHome } from "./scratch-home.mjs";
import { sessionFiles } from "./session-files.mjs";

const ROUNDS = 7;
const BYTES = 10_000_000;

/** Gives the rows of this bench. Each round is a fresh process: a client replays once, right after initialize. */
export async function run({ nodeArgs }) {
  const server = await startModelServer();
  const home = new ScratchHome(server.baseUrl("turn"), nodeArgs);
  try {
    const files = sessionFiles(BYTES);
    const foreign = writeSession(home, files);
    const own = writeSession(home, files);
    await withSession(home, own, (session) => session.call("prompt", { user_input: "hello" }));
    const target = { atMost: 300 };
    const ofOwn = await replays(home, own, files.events);
    const ofForeign = await replays(home, foreign, files.events);
    return [
      figure("replay of 10 MB", "ms", ofOwn.times, { target, digits: 0, note: `${files.events} events` }),
      figure("replay of 10 MB of another kernel", "ms", ofForeign.times, { target, digits: 0 }),
      figure("start-up on that session", "ms", ofOwn.starts, { digits: 1 }),
    ];
  } finally {
    home.remove();
    await server.close();
  }
}

/** Gives the id of the new session. */
function writeSession(home, { contents }) {
  const id = randomUUID();
  home.writeSession(id, contents);
  return id;
}

async function replays(home, id, atLeast) {
  const times = [];
  const starts = [];
  for (let round = 0; round < ROUNDS; round++) {
    await withSession(home, id, async (session, started) => {
      starts.push(msBetween(session.spawnedAt, started.at));
      const { sentAt, at } = await session.call("replay", {});
      if (session.events.length < atLeast) throw new Error(`${session.events.length} of ${atLeast} events`);
      times.push(msBetween(sentAt, at));
    });
  }
  return { times, starts };
}

async function withSession(home, id, act) {
  const session = home.startKernel(["--session", id]);
  try {
    await act(session, await session.initialize());
  } finally {
    await session.close();
  }
}
