// A host of the in-process kernel that looks like the command: `node relay-host.mjs --wire ...`. What its kernel says
// goes to stdout byte for byte. HOST_* variables say what else it does; the kernel's own environment has none of them.
import process from "node:process";
import { inProcessLauncher } from "../../dist/lib/index.js";

const { HOST_ON_USR2: onSignal, HOST_SAME_THREAD, HOST_LIMIT_MB, ...env } = process.env;
const before = JSON.stringify([process.env, process.cwd()]);
const launcher = inProcessLauncher({
  env,
  cwd: process.cwd(),
  sameThread: HOST_SAME_THREAD === "1",
  ...(HOST_LIMIT_MB === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: Number(HOST_LIMIT_MB) } }),
});
const args = process.argv.slice(2).filter((word) => word !== "--wire");

/** Starts a kernel and joins it to the streams of this process. */
async function start() {
  const kernel = await launcher.launch({ args, signal: new AbortController().signal });
  kernel.transport.readable.pipe(process.stdout, { end: false });
  const { writable } = kernel.transport;
  const give = (chunk) => {
    if (writable.write(chunk)) return;
    process.stdin.pause();
    writable.once("drain", () => process.stdin.resume());
  };
  const end = () => writable.end();
  process.stdin.on("data", give);
  process.stdin.once("end", end);
  if (process.stdin.readableEnded) end();
  void kernel.exited.then(() => {
    process.stdin.off("data", give);
    process.stdin.off("end", end);
    process.stdin.resume();
  });
  return kernel;
}

let kernel = await start();
let replacing = false;
process.on("SIGUSR2", async () => {
  if (onSignal === "exit") process.exit(7);
  replacing = onSignal === "restart";
  const begin = performance.now();
  const exit = await (onSignal === "stop" ? kernel.stop() : kernel.kill());
  process.stderr.write(`${JSON.stringify({ exit, ms: Math.round(performance.now() - begin) })}\n`);
  if (!replacing) return;
  kernel = await start();
  process.stderr.write("again\n");
  replacing = false;
  void watch(kernel);
});

/** Lets this process run dry when its kernel has ended; nothing calls process.exit. */
async function watch(current) {
  const { code, outOfMemory, stderrTail } = await current.exited;
  if (replacing) return;
  const after = JSON.stringify([process.env, process.cwd()]);
  if (after !== before) process.stderr.write(`the host was changed: ${after}\n`);
  process.stderr.write(stderrTail);
  if (outOfMemory) process.stderr.write("out of memory\n");
  process.exitCode = code ?? 9;
  process.stdin.destroy();
}

void watch(kernel);
