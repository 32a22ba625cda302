// Starts kernels of this process that are given up, ended twice, or never read, and prints what came of it as JSON.
// Ends by itself when nothing of them is left. Takes "thread" or "same".
import { inProcessLauncher } from "../../dist/lib/index.js";

const env = { PATH: process.env.PATH, HOME: process.env.HOME, SOME_API_KEY: "sesame-sesame" };
const sameThread = process.argv[2] === "same";
const launcher = inProcessLauncher({ env, cwd: process.env.HOME, sameThread });
const calm = new AbortController().signal;
const codeOf = (error) => error.code;

const before = launcher.launch({ args: [], signal: AbortSignal.abort() }).catch(codeOf);
const ended = await launcher.launch({ args: [], signal: calm });
const ends = await Promise.all([ended.stop(), ended.stop(), ended.exited]);
ends.push(await ended.kill(), await ended.stop());

const giveUp = new AbortController();
// Once the thread is made it is on its way; before the next turn of the loop nothing can be heard of it.
const onItsWay = new Promise((resolve) => (sameThread ? setImmediate(resolve) : process.once("worker", resolve)));
const during = launcher.launch({ args: [], signal: giveUp.signal }).then(
  async (kernel) => (await kernel.stop()).code,
  (error) => error.code,
);
await onItsWay;
giveUp.abort();

const refusing = launcher.launch({ args: ["--work-dir", "sesame-sesame"], signal: calm });
await new Promise(setImmediate);
// A busy host hears of the start and of the end at once.
for (const end = performance.now() + 500; performance.now() < end; );
const refused = await refusing;
const { code, stderrTail } = await refused.exited;

const result = { before: await before, during: await during, codes: ends.map((end) => end.code), code, stderrTail };
process.stdout.write(JSON.stringify(result));
