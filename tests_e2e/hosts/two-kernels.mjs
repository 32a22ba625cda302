// Runs several kernels of this process at once. Takes their flags and environments as JSON: [{args, env, cwd}, ...];
// prints what each one streamed as text, as a JSON array.
import { inProcessLauncher } from "../../dist/lib/index.js";

const places = JSON.parse(process.argv[2]);
const texts = await Promise.all(places.map(run));
process.stdout.write(JSON.stringify(texts));

async function run({ args, env, cwd }) {
  const kernel = await inProcessLauncher({ env, cwd }).launch({ args, signal: new AbortController().signal });
  const { readable, writable } = kernel.transport;
  const send = (id, method, params) => writable.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
  send("i", "initialize", { protocol_version: "1.10" });
  send("p", "prompt", { user_input: "go" });
  let text = "";
  let rest = "";
  for await (const chunk of readable) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const message of lines.map((line) => JSON.parse(line))) {
      if (message.params?.type === "ContentPart") text += message.params.payload.text;
      if (message.params?.type === "ToolResult") text += message.params.payload.return_value.output;
      if (message.id === "p") writable.end();
    }
  }
  const { code } = await kernel.exited;
  return { text, code };
}
