// A kernel dies by SIGKILL in the middle of a model's stream: from its exit, as the process that started it sees it, to
// the first event of the turn that goes on, by a supervised client. The first death is followed by a new sidecar, the
// second, which comes a step later, by a kernel in a thread of the host. The model answers at once; no notice of the
// client's own state counts, only what the model says.
import { randomUUID } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { figure } from "./figures.mjs";
import { msBetween, now } from "./kernel-session.mjs";
import { startModelServer } from "./model-server.mjs";
import { RECOVERY_FILE, RECOVERY_WORDS } from "./replies.mjs";
import { ScratchHome } from "./scratch-home.mjs";
import { sessionFiles } from "./session-files.mjs";

const ROUNDS = 15;
const WARM_UPS = 2;
const BYTES = 10_000_000;
/** About 100,000 tokens. */
const CONTEXT_BYTES = 380_000;
const TURN_MS = 30_000;
/** From a piece of the stream to the death: no kernel lives so short that its successor has just been started. */
const REST_MS = 1_000;

/** Gives the rows of this bench. Each round is a fresh client on a fresh copy of the session. */
export async function run() {
  const server = await startModelServer();
  const files = sessionFiles(BYTES, CONTEXT_BYTES);
  const rounds = [];
  try {
    for (let round = -WARM_UPS; round < ROUNDS; round++) {
      const times = await oneTurn(server, files, round + WARM_UPS);
      if (round >= 0) rounds.push(times);
    }
  } finally {
    await server.close();
  }
  const row = (name, part, target) =>
    figure(
      name,
      "ms",
      rounds.map((times) => part(times)),
      { digits: 0, ...(target === undefined ? {} : { target }) },
    );
  return [
    row("recovery, next sidecar: exit -> next event", ([first]) => first.toEvent, { atMost: 150 }),
    row("recovery, next sidecar: exit -> request", ([first]) => first.toRequest),
    row("recovery, thread: exit -> next event", ([, second]) => second.toEvent, { atMost: 60 }),
    row("recovery, thread: exit -> request", ([, second]) => second.toRequest),
  ];
}

/** Runs one turn over three kernels. Gives the times of the two deaths. */
async function oneTurn(server, files, round) {
  const { connectKernel } = await import("../dist/lib/index.js");
  const home = new ScratchHome(server.baseUrl(`recover-${round}`));
  const session = randomUUID();
  home.writeSession(session, files.contents);
  writeFileSync(join(home.workDir, RECOVERY_FILE), "one line\n");
  const deaths = [];
  let kernel = null;
  const spawned = ({ process: child }) => {
    // Its arguments are not known yet; the kernel's guard is spawned behind it.
    if (kernel !== null) return;
    kernel = child;
    child.once("exit", () => {
      kernel = null;
      deaths.push({ exitAt: now() });
    });
  };
  const said = [];
  const onEvent = ({ type, payload }) => {
    const death = deaths.at(-1);
    if (death !== undefined && death.first === undefined) Object.assign(death, { eventAt: now(), first: type });
    if (type !== "ContentPart") return;
    if (said.push(payload.text) % 2 === 1) setTimeout(() => kernel.kill("SIGKILL"), REST_MS);
  };
  subscribe("child_process", spawned);
  try {
    const options = { session, client: { name: "bench", version: "1" }, handlers: { onEvent } };
    const client = await connectKernel({ ...home.hostOptions(), ...options });
    await client.prompt("Go on", { signal: AbortSignal.timeout(TURN_MS) }).result.finally(() => client.close());
  } finally {
    unsubscribe("child_process", spawned);
    home.remove();
  }
  const firsts = deaths.map(({ first }) => first);
  if (said.join("") !== RECOVERY_WORDS.join("") || firsts.join() !== "ContentPart,ContentPart") {
    throw new Error(`two deaths were to be seen and four words: ${firsts}; ${said}`);
  }
  const requests = [];
  for (const _ of RECOVERY_WORDS) requests.push(await server.report());
  return deaths.map(({ exitAt, eventAt }, i) => ({
    toEvent: msBetween(exitAt, eventAt),
    toRequest: msBetween(exitAt, requests[2 * i + 1].seenAt),
  }));
}
