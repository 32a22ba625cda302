// replay of a session of 10 MB: request written -> answer read, all records between them.
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { figure } from "./figures.mjs";
import { msBetween } from "./kernel-session.mjs";
import { ScratchHome } from "./scratch-home.mjs";
import { sessionFiles } from "./session-files.mjs";

const ROUNDS = 7;
const BYTES = 10_000_000;

/** Gives the rows of this bench. Each round is a fresh process: a client replays once, right after initialize. */
export async function run({ nodeArgs }) {
  const home = new ScratchHome("http://127.0.0.1:9/v1", nodeArgs);
  const times = [];
  const starts = [];
  try {
    const id = randomUUID();
    const files = sessionFiles(BYTES);
    const folder = createHash("md5").update(home.workDir).digest("hex");
    const dir = join(home.shareDir, "sessions", folder, id);
    mkdirSync(dir, { recursive: true });
    for (const [name, text] of Object.entries(files.contents)) writeFileSync(join(dir, name), text);
    for (let round = 0; round < ROUNDS; round++) {
      const session = home.startKernel(["--session", id]);
      try {
        const started = await session.initialize();
        starts.push(msBetween(session.spawnedAt, started.at));
        const { sentAt, at } = await session.call("replay", {});
        if (session.events.length !== files.events)
          throw new Error(`${session.events.length} of ${files.events} events`);
        times.push(msBetween(sentAt, at));
      } finally {
        await session.close();
      }
    }
    const note = `${files.events} events`;
    return [
      figure("replay of 10 MB", "ms", times, { target: { atMost: 300 }, digits: 0, note }),
      figure("start-up on that session", "ms", starts, { digits: 1 }),
    ];
  } finally {
    home.remove();
  }
}
