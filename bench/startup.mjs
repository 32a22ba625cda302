// Spawn to the reply of initialize: the kernel against a bare echo server, one after the other in the same minute.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { START_ENTRIES, staticClosure } from "../scripts/start-closure.mjs";
import { figure, median } from "./figures.mjs";
import { msBetween } from "./kernel-session.mjs";
import { cpuMs } from "./process-usage.mjs";
import { ScratchHome } from "./scratch-home.mjs";

const ROUNDS = 31;
const WARM_UPS = 3;
const echo = fileURLToPath(new URL("bare-echo.mjs", import.meta.url));
const metafile = fileURLToPath(new URL("../.cache/meta.json", import.meta.url));

/** Gives the rows of this bench. */
export async function run({ nodeArgs }) {
  const home = new ScratchHome("http://127.0.0.1:9/v1", nodeArgs);
  const floor = [];
  const kernel = [];
  try {
    for (let round = -WARM_UPS; round < ROUNDS; round++) {
      const bare = await measure(home.start([process.execPath, echo]));
      const full = await measure(home.startKernel());
      if (round < 0) continue;
      floor.push(bare);
      kernel.push(full);
    }
  } finally {
    home.remove();
  }
  const ratios = kernel.map(({ ms }, round) => ms / (floor[round]?.ms ?? Number.NaN));
  const ofMedians = median(kernel.map(({ ms }) => ms)) / median(floor.map(({ ms }) => ms));
  return [
    figure("start-up, kernel : bare echo", "x", ratios, {
      target: { atMost: 1.6 },
      note: `median of the pairs; ratio of the medians ${ofMedians.toFixed(2)}`,
    }),
    figure(
      "start-up, kernel",
      "ms",
      kernel.map(({ ms }) => ms),
      { digits: 1 },
    ),
    figure(
      "start-up, bare echo (floor)",
      "ms",
      floor.map(({ ms }) => ms),
      { digits: 1 },
    ),
    figure(
      "CPU to initialize, kernel",
      "ms",
      kernel.map(({ cpu }) => cpu),
      { digits: 0 },
    ),
    figure(
      "CPU to initialize, bare echo (floor)",
      "ms",
      floor.map(({ cpu }) => cpu),
      { digits: 0 },
    ),
    figure("bundle, static closure of wire mode", "kB", [closureBytes() / 1000], { digits: 1 }),
  ];
}

async function measure(session) {
  try {
    const { at } = await session.initialize();
    return { ms: msBetween(session.spawnedAt, at), cpu: cpuMs(session.pid) };
  } finally {
    await session.close();
  }
}

/** Bytes of all files of the bundle that load before initialize is answered. */
function closureBytes() {
  const { outputs } = JSON.parse(readFileSync(metafile, "utf8"));
  return staticClosure(outputs, START_ENTRIES).reduce((sum, file) => sum + outputs[file].bytes, 0);
}
