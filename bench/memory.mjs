// Resident memory: when initialize is answered, at rest after it, and after a first turn over real HTTP.
import { fileURLToPath } from "node:url";
import { figure } from "./figures.mjs";
import { startModelServer } from "./model-server.mjs";
import { residentMb, settled } from "./process-usage.mjs";
import { ScratchHome } from "./scratch-home.mjs";

const ROUNDS = 5;
const echo = fileURLToPath(new URL("bare-echo.mjs", import.meta.url));

/** Gives the rows of this bench. */
export async function run({ nodeArgs }) {
  const server = await startModelServer();
  const home = new ScratchHome(server.baseUrl("turn"), nodeArgs);
  const samples = { floor: [], replied: [], idle: [], turn: [] };
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await measureFloor(home, samples);
      await measureKernel(home, samples);
    }
  } finally {
    home.remove();
    await server.close();
  }
  return [
    figure("RSS when initialize is answered", "MB", samples.replied, { target: { atMost: 55 }, digits: 1 }),
    figure("RSS at rest after initialize", "MB", samples.idle, {
      digits: 1,
      note: "with what is loaded ahead for the first prompt",
    }),
    figure("RSS after a first turn", "MB", samples.turn, { target: { atMost: 90 }, digits: 1 }),
    figure("RSS of the bare echo (floor)", "MB", samples.floor, { digits: 1 }),
  ];
}

async function measureFloor(home, samples) {
  const session = home.start([process.execPath, echo]);
  try {
    await session.initialize();
    samples.floor.push(residentMb(session.pid));
  } finally {
    await session.close();
  }
}

async function measureKernel(home, samples) {
  const session = home.startKernel();
  try {
    await session.initialize();
    samples.replied.push(residentMb(session.pid));
    await settled(session.pid);
    samples.idle.push(residentMb(session.pid));
    await session.call("prompt", { user_input: "hello" });
    samples.turn.push(residentMb(session.pid));
  } finally {
    await session.close();
  }
}
