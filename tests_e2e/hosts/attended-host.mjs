// A host that can be stopped, blocked and killed. Takes the options as JSON: those of connectKernel, and besides
// `answers` (whether approvals are answered), `blockMs` (stands still for that long when the turn has begun) and
// `resume` (goes on with the open turn instead of sending `prompt`). Prints one JSON object a line: what it sees.
import { connectKernel } from "../../dist/lib/index.js";

const { answers, blockMs, resume, prompt, ...options } = JSON.parse(process.argv[2]);
const tell = (seen) => process.stdout.write(`${JSON.stringify(seen)}\n`);
let toBlock = blockMs ?? 0;

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
      const end = performance.now() + toBlock;
      toBlock = 0;
      while (performance.now() < end);
      tell({ blocked: true });
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
