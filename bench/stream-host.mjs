// A host in a process of its own, so that its CPU is nobody else's. It has one kernel: read line by line and parsed, as
// the plainest client does it ("raw"), or through the supervised client ("supervised"). At each message of its parent it
// runs one turn and reports. Arguments: the way, and {command, cwd, env} as JSON.
import { subscribe } from "node:diagnostics_channel";
import { KernelSession, now } from "./kernel-session.mjs";
import { cpuMs } from "./process-usage.mjs";

const [way, place] = process.argv.slice(2);
const { command, cwd, env } = JSON.parse(place);
const host = await (way === "raw" ? raw() : supervised());

process.on("message", async () => {
  const kernelBefore = cpuMs(host.pid());
  const before = process.cpuUsage();
  const texts = [];
  let firstAt = 0n;
  await host.turn((text) => {
    if (texts.push(text) === 1) firstAt = now();
  });
  const { user, system } = process.cpuUsage(before);
  const cpu = { host: user + system, kernel: (cpuMs(host.pid()) - kernelBefore) * 1000 };
  process.send({ cpu, firstAt: String(firstAt), texts: texts.length, length: texts.join("").length });
});
process.once("disconnect", () => host.close());
process.send("ready");

async function raw() {
  let hear = () => {};
  const session = new KernelSession([...command, "--wire"], { cwd, env }, (line) => {
    const { type, payload } = JSON.parse(line).params;
    if (type === "ContentPart") hear(payload.text);
  });
  await session.initialize();
  return {
    pid: () => session.pid,
    turn: async (onText) => {
      hear = onText;
      await session.call("prompt", { user_input: "go" });
    },
    close: () => session.close(),
  };
}

async function supervised() {
  const { connectKernel } = await import("../dist/lib/index.js");
  let kernel = null;
  subscribe("child_process", ({ process: child }) => {
    kernel ??= child;
  });
  const client = await connectKernel({ command, cwd, env, kernel: "sidecar", client: { name: "bench", version: "1" } });
  return {
    pid: () => kernel.pid,
    turn: async (onText) => {
      const turn = client.prompt("go");
      for await (const { type, payload } of turn) if (type === "ContentPart") onText(payload.text);
      await turn.result;
    },
    close: () => client.close(),
  };
}
