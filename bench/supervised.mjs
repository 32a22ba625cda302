// What the supervised client costs a host beyond a reader that only splits lines and parses them: CPU for an event of a
// long stream, and the time from the model's first chunk to the host. Both ways take turns in one run.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { figure, median } from "./figures.mjs";
import { msBetween } from "./kernel-session.mjs";
import { startModelServer } from "./model-server.mjs";
import { BURST_CHARS, BURST_CHUNKS, TURN_WORDS } from "./replies.mjs";
import { ScratchHome } from "./scratch-home.mjs";

const WAYS = ["raw", "supervised"];
const TURNS = 40;
const STREAMS = 9;
const WARM_UPS = 3;
/** Between turns, so that no turn pays for the end of the one before. */
const REST_MS = 30;
const program = fileURLToPath(new URL("stream-host.mjs", import.meta.url));

/** Gives the rows of this bench. */
export async function run({ nodeArgs }) {
  const server = await startModelServer();
  try {
    const texts = { turn: TURN_WORDS.join("").length, burst: BURST_CHUNKS * BURST_CHARS };
    const turns = await inTurns(server, nodeArgs, "turn", TURNS, texts.turn);
    const streams = await inTurns(server, nodeArgs, "burst", STREAMS, texts.burst);
    const latency = turns.map((pair) => pair.map(({ toEvent }) => toEvent));
    const cpu = (who) => streams.map((pair) => pair.map((one) => one.cpu[who] / BURST_CHUNKS));
    const more = (pairs) => pairs.map(([raw, supervised]) => supervised - raw);
    return [
      figure("supervised client, first token -> event, more", "ms", [median(more(latency))], {
        target: { atMost: 0.15 },
      }),
      figure("first token -> event, supervised", "ms", column(latency, 1)),
      figure("first token -> event, raw reader", "ms", column(latency, 0)),
      figure("supervised client, host CPU for an event, more", "us", more(cpu("host")), {
        target: { atMost: 5 },
        digits: 1,
      }),
      figure("host CPU for an event, supervised", "us", column(cpu("host"), 1), { digits: 1 }),
      figure("host CPU for an event, raw reader", "us", column(cpu("host"), 0), { digits: 1 }),
      figure("kernel CPU for an event, supervised", "us", column(cpu("kernel"), 1), { digits: 1 }),
      figure("kernel CPU for an event, raw reader", "us", column(cpu("kernel"), 0), { digits: 1 }),
    ];
  } finally {
    await server.close();
  }
}

const column = (pairs, i) => pairs.map((pair) => pair[i]);

/** Runs `count` turns in each host, one after the other. Gives pairs in the order of WAYS. */
async function inTurns(server, nodeArgs, reply, count, length) {
  const home = new ScratchHome(server.baseUrl(reply), nodeArgs);
  const hosts = [];
  const pairs = [];
  try {
    for (const way of WAYS) {
      const host = fork(program, [way, JSON.stringify(home.hostOptions())], { execArgv: [] });
      hosts.push(host);
      await once(host, "message");
    }
    for (let n = -WARM_UPS; n < count; n++) {
      const pair = [];
      for (const host of hosts) {
        host.send("turn");
        const [{ cpu, firstAt, length: heard }] = await once(host, "message");
        if (heard !== length) throw new Error(`${heard} of ${length} characters arrived`);
        const { firstChunkAt } = await server.report();
        pair.push({ cpu, toEvent: msBetween(firstChunkAt, BigInt(firstAt)) });
        await new Promise((resolve) => setTimeout(resolve, REST_MS));
      }
      if (n >= 0) pairs.push(pair);
    }
  } finally {
    for (const host of hosts) {
      const gone = once(host, "exit");
      host.disconnect();
      await gone;
    }
    home.remove();
  }
  return pairs;
}
