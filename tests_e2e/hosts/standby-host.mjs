// Lets a kernel stand by and then, as the first argument says, takes it ("launch"), lets go of it ("drop") or forgets it
// ("idle"). With the second, the flags as JSON; prints {threads, code}: how many threads were made, how the kernel ended.
import { inProcessLauncher } from "../../dist/lib/index.js";

const [how, args] = process.argv.slice(2);
let threads = 0;
process.on("worker", () => {
  threads += 1;
});
const launcher = inProcessLauncher({ env: process.env, cwd: process.cwd() });
const letGo = launcher.standBy();
// A second one joins the first.
launcher.standBy();
let code = null;
if (how === "drop") letGo();
if (how !== "idle") {
  const request = { args: JSON.parse(args), signal: new AbortController().signal };
  const kernel = await launcher.launch(request);
  // What is taken is not there any more: nothing may end it.
  letGo();
  kernel.transport.writable.write(
    `${JSON.stringify({ jsonrpc: "2.0", id: "1", method: "initialize", params: { protocol_version: "1.10" } })}\n`,
  );
  await new Promise((resolve) => kernel.transport.readable.once("data", resolve));
  ({ code } = await kernel.stop());
}
process.on("exit", () => process.stdout.write(JSON.stringify({ threads, code })));
