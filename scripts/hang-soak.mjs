/**
 * Lets a supervised client work for some minutes while neighbours keep every core busy: streams, commands, approvals
 * that wait, a model that is silent for long, in a process of its own and in a thread. No kernel may be accused.
 *
 *   node scripts/hang-soak.mjs [minutes]      default 10; needs a build
 *
 * Prints every verdict and the longest silence of a kernel as the client saw it. Exit code 1 when there was a verdict
 * or a turn went wrong.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inProcessLauncher, KernelClient, sidecarLauncher } from "wire-kernel";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const minutes = Number(process.argv[2] ?? "10");
if (!(minutes > 0 && minutes <= 60)) throw new Error("Minutes must be more than 0 and at most 60.");

/** Less than this and the table says nothing about silence. */
const APPROVAL_MS = Math.min(30_000, minutes * 20_000);
const SILENCE_MS = Math.min(45_000, minutes * 30_000);
const CHUNKS = 300;
const CHUNK_MS = 30;
/** A turn is over within this, or something is lost. */
const TURN_MS = 240_000;

const shell = (command) => ({ name: "Shell", arguments: JSON.stringify({ command }) });
/** What the model does for a prompt: how long it says nothing, what it calls, how many pieces it says behind that. */
const KINDS = {
  stream: { silentMs: 0, chunks: CHUNKS, call: null },
  tool: { silentMs: 0, chunks: 20, call: shell("sleep 12; seq 1 20000") },
  approval: { silentMs: 0, chunks: 20, call: shell("echo approved") },
  silence: { silentMs: SILENCE_MS, chunks: 20, call: null },
};

const scratch = mkdtempSync(path.join(tmpdir(), "kernel-soak-"));
const model = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
await new Promise((resolve) => model.listen(0, "127.0.0.1", resolve));
const neighbours = Array.from({ length: 2 * cpus().length }, busyNeighbour);
const figures = { turns: 0, verdicts: [], problems: [], longestSilenceMs: 0, heartbeats: 0 };
const until = performance.now() + minutes * 60_000;
console.log(`${minutes} minutes, ${neighbours.length} busy neighbours on ${cpus().length} cores`);
const loop = loopLag();
try {
  await Promise.all([
    work("sidecar", ["stream", "tool"]),
    work("sidecar", ["approval"]),
    work("sidecar", ["silence"]),
    work("in_process", ["stream", "approval", "tool", "silence"]),
  ]);
} finally {
  for (const neighbour of neighbours) neighbour.kill("SIGKILL");
  model.closeAllConnections();
  model.close();
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
for (const line of [...figures.verdicts, ...figures.problems]) console.log(line);
console.log(
  `${figures.turns} turns, ${figures.heartbeats} heartbeats, ${figures.verdicts.length} verdicts, ` +
    `${figures.problems.length} other problems; longest silence of a kernel ${Math.round(figures.longestSilenceMs)} ms, ` +
    `longest stop of the host's own loop ${Math.round(loop())} ms`,
);
process.exit(figures.verdicts.length + figures.problems.length === 0 && figures.turns > 0 ? 0 : 1);

/** Turns of these kinds, one behind the other, in one client. */
async function work(mode, kinds) {
  const folder = mkdtempSync(path.join(scratch, `${mode}-`));
  const client = await connect(mode, folder);
  try {
    for (let n = 0; performance.now() < until; n++) {
      const kind = kinds[n % kinds.length];
      const text = `${kind} ${n}`;
      const said = await Promise.race([oneTurn(client, text), delay(TURN_MS, "it took too long", { ref: false })]);
      if (said !== expected(text)) figures.problems.push(`${mode}, ${text}: ${said.slice(0, 200)}`);
      figures.turns += 1;
    }
  } catch (error) {
    figures.problems.push(`${mode}: ${error.message}`);
  } finally {
    await client.close();
  }
}

async function oneTurn(client, text) {
  const turn = client.prompt(text);
  let said = "";
  for await (const { type, payload } of turn) {
    if (type === "ContentPart" && payload.type === "text") said += payload.text;
  }
  const { status } = await turn.result;
  return status === "finished" ? said : status;
}

async function connect(mode, folder) {
  const home = path.join(folder, "home");
  const workDir = path.join(folder, "work");
  for (const each of [home, workDir]) mkdirSync(each);
  const configFile = path.join(folder, "config.json");
  const base_url = `http://127.0.0.1:${model.address().port}/v1`;
  writeFileSync(
    configFile,
    JSON.stringify({
      default_model: "soak",
      models: { soak: { provider: "soak", model: "soak", max_context_size: 10_000_000 } },
      providers: { soak: { type: "openai_legacy", base_url, api_key: "none" } },
    }),
  );
  const env = { PATH: process.env.PATH, HOME: home, KIMI_SHARE_DIR: path.join(home, "share") };
  const own =
    mode === "sidecar"
      ? sidecarLauncher({ command: [process.execPath, path.join(root, "bin", "kernel.js")], cwd: workDir, env })
      : inProcessLauncher({ cwd: workDir, env });
  return await KernelClient.connect({
    launchers: [listening(own)],
    args: ["--config-file", configFile, "--work-dir", workDir],
    client: { name: "hang-soak" },
    handlers: {
      onApproval: async ({ description }) => {
        if (!description.includes("sleep")) await delay(APPROVAL_MS);
        return { response: "approve" };
      },
      onState: ({ to, cause }) => {
        if (cause !== null) figures.verdicts.push(`${mode}: ${cause.kind}, then ${to}. ${cause.stderrTail.trim()}`);
      },
    },
  });
}

/** The same launcher; what comes out of its kernels is timed. */
function listening(launcher) {
  return {
    mode: launcher.mode,
    launch: async (request) => {
      const launched = await launcher.launch(request);
      const readable = new PassThrough();
      let last = performance.now();
      launched.transport.readable.pipe(readable).on("data", (chunk) => {
        const now = performance.now();
        figures.longestSilenceMs = Math.max(figures.longestSilenceMs, now - last);
        last = now;
        if (chunk.includes('"method":"heartbeat"')) figures.heartbeats += 1;
      });
      return { ...launched, transport: { ...launched.transport, readable } };
    },
  };
}

/** What the model says for the last prompt, piece by piece, after its call if it has one. */
async function answer(request, response) {
  let body = "";
  for await (const piece of request) body += piece;
  const { messages } = JSON.parse(body);
  // A kernel that took over may have put a note of its own behind the prompt.
  const text = messages
    .flatMap(({ role, content }) =>
      role === "user" ? (/(stream|tool|approval|silence) \d+/.exec(JSON.stringify(content)) ?? []).slice(0, 1) : [],
    )
    .at(-1);
  const { silentMs, chunks, call } = KINDS[text.split(" ")[0]];
  const isFirst = messages.at(-1).role === "user";
  await delay(isFirst ? silentMs : 0);
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (delta, finish_reason = null) =>
    response.write(
      `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "soak", choices: [{ index: 0, delta, finish_reason }] })}\n\n`,
    );
  if (call !== null && isFirst) {
    send({ tool_calls: [{ index: 0, id: `call_${text.replace(" ", "_")}`, type: "function", function: call }] });
    send({}, "tool_calls");
  } else {
    for (let n = 0; n < chunks; n++) {
      send({ content: `${text}.${n} ` });
      await delay(CHUNK_MS);
    }
    send({}, "stop");
  }
  response.end("data: [DONE]\n\n");
}

function expected(text) {
  const { chunks } = KINDS[text.split(" ")[0]];
  return Array.from({ length: chunks }, (_, n) => `${text}.${n} `).join("");
}

/** A process that takes a whole core; it ends by itself when the soak is long over, or its parent is gone. */
function busyNeighbour() {
  const ends = `const end = Date.now() + ${(minutes + 5) * 60_000}; const parent = process.ppid;
    while (Date.now() < end && process.ppid === parent) for (let n = 0; n < 1e8; n++);`;
  return spawn(process.execPath, ["-e", ends], { stdio: "ignore" });
}

/** Measures how long this process itself stood still; gives the longest time so far. */
function loopLag() {
  let longest = 0;
  let due = performance.now() + 100;
  setInterval(() => {
    longest = Math.max(longest, performance.now() - due);
    due = performance.now() + 100;
  }, 100).unref();
  return () => longest;
}
