// Starts the fake model server and gives its reports to who waits for them.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("fake-model-server.mjs", import.meta.url));

/** Starts the server on a free loopback port. The caller closes it. */
export async function startModelServer() {
  const child = fork(program, { stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv: [] });
  const [{ port }] = await once(child, "message");
  return new ModelServer(child, port);
}

class ModelServer {
  #child;
  #port;
  #reports = [];
  #wake = () => {};

  constructor(child, port) {
    this.#child = child;
    this.#port = port;
    child.on("message", ({ path, body, seenAt, firstChunkAt }) => {
      this.#reports.push({ path, body, seenAt: BigInt(seenAt), firstChunkAt: BigInt(firstChunkAt) });
      this.#wake();
    });
  }

  /** The base URL whose requests get this reply: "turn" or "burst". */
  baseUrl(reply) {
    return `http://127.0.0.1:${this.#port}/${reply}/v1`;
  }

  /** The report of the oldest request not yet asked for: body, and nanoseconds of its arrival and of the first chunk. */
  async report(waitMs = 10_000) {
    const deadline = Date.now() + waitMs;
    while (this.#reports.length === 0) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error("the model server got no request");
      let timer;
      await new Promise((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
    return this.#reports.shift();
  }

  async close() {
    const gone = once(this.#child, "exit");
    this.#child.disconnect();
    await gone;
  }
}
