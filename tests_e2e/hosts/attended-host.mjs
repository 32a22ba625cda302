// A host that can be stopped, blocked and killed. Takes the options as JSON: those of connectKernel, and besides
// `answers` (whether approvals are answered), `blockMs` (stands still for that long, `blockAfterMs` behind the first text)
// and `resume` (goes on with the open turn instead of sending `prompt`). Prints one JSON object a line: what it sees.
import { connectKernel } from "../../dist/lib/index.js";

const { answers, blockMs = 0, blockAfterMs = 0, resume, prompt, ...options } = JSON.parse(process.argv[2]);
const tell = (seen) => process.stdout.write(`${JSON.stringify(seen)}\n`);
let toBlock = blockMs;

function block() {
  // The loop stands still and takes no core from others, as a busy one would.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs);
  tell({ blocked: true });
}

const client = await connectKernel({
  ...options,
  client: { name: "attended-host" },
  handlers: {
    onApproval: async ({ id }) => {
      tell({ approval: id });
      if (!answers) await new Promise(() => {});
      return { response: "approve" };
    },
    onState: ({ to, cause, mode }) => tell({ state: to, cause: cause?.kind ?? null, mode }),
    onEvent: ({ type, payload }) => {
      tell({ event: type, ...(payload.type === "text" ? { text: payload.text } : {}) });
      if (type !== "ContentPart" || toBlock === 0) return;
      toBlock = 0;
      if (blockAfterMs === 0) block();
      else setTimeout(block, blockAfterMs);
    },
  },
});
tell({ openTurn: client.openTurn?.turnId ?? null });
const turn = resume ? client.resume() : client.prompt(prompt);
const outcome = await turn.result.then(
  ({ status }) => status,
  ({ code }) => String(code),
);
await client.close();
tell({ outcome });
