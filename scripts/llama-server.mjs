/** Starts a real llama-server on a free loopback port for tests and the demo, and stops only what it started. */
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { ensureLlamaServer } from "./llama-fetch.mjs";

export { ensureLlamaServer };

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 3_000;

/**
 * Serves `modelPath` with `slots` parallel slots of `ctx` tokens each. Resolves when /health answers 200; throws with
 * the end of the server's own log when it cannot be had, dies, or is not healthy after a minute. The caller stops it.
 * @param {{ modelPath: string, slots?: number, ctx?: number, extraArgs?: string[] }} options
 * @returns {Promise<{ url: string, pid: number, log(): string, stop(): Promise<void> }>}
 */
export async function startLlamaServer({ modelPath, slots = 1, ctx = 8192, extraArgs = [] }) {
  const found = await ensureLlamaServer();
  if ("unavailable" in found) throw new Error(found.unavailable);
  let failure;
  // The port is free when asked for and may be taken a moment later, so a second and third one are tried.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const port = await freePort();
    const server = launch(found.command, [
      ...["-m", modelPath, "--host", "127.0.0.1", "--port", String(port), "--jinja"],
      ...["-np", String(slots), "-c", String(ctx * slots), "-t", "1", ...extraArgs],
    ]);
    const url = `http://127.0.0.1:${port}`;
    try {
      await untilHealthy(url, server);
      return { url, pid: server.child.pid, log: server.log, stop: server.stop };
    } catch (error) {
      failure = error;
      await server.stop();
      if (!/bind|address already in use/i.test(server.log())) break;
    }
  }
  throw failure;
}

function launch(command, args) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let tail = "";
  const keep = (chunk) => {
    tail = (tail + chunk).slice(-8_000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const state = { over: false };
  const exited = new Promise((resolve) => {
    const end = () => {
      state.over = true;
      process.off("exit", killNow);
      resolve();
    };
    child.once("exit", end);
    child.once("error", (error) => {
      keep(String(error));
      end();
    });
  });
  const killNow = () => {
    if (!state.over) child.kill("SIGKILL");
  };
  process.once("exit", killNow);
  const stop = async () => {
    if (!state.over) child.kill("SIGTERM");
    const late = setTimeout(killNow, STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(late);
  };
  return { child, state, log: () => tail, stop };
}

async function untilHealthy(url, server) {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (server.state.over) throw new Error(`llama-server ended at start:\n${server.log()}`);
    try {
      // 503 means that the model is loading.
      const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) });
      await answer.arrayBuffer();
      if (answer.ok) return;
    } catch {
      // Not listening yet.
    }
    await wait(50);
  }
  throw new Error(`llama-server was not healthy after ${START_TIMEOUT_MS / 1000} s:\n${server.log()}`);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
