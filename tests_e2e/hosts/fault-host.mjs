// A host that sends its prompts one after another through connectKernel and says what became of each. Takes the options
// as JSON, `prompts` among them; prints one JSON object.
import { connectKernel } from "../../dist/lib/index.js";

const { prompts = ["go"], ...options } = JSON.parse(process.argv[2]);
const seen = { turns: [], outside: [], states: [], modes: [], guarantees: [] };
const begun = performance.now();
let turn = null;
try {
  const client = await connectKernel({
    ...options,
    client: { name: "host" },
    handlers: {
      onApproval: async () => ({ response: "approve" }),
      onState: ({ to, mode, cause, unknownEffects }) =>
        seen.states.push({ to, mode, cause: cause?.kind, unknownEffects }),
      onEvent: ({ type }) => {
        if (turn === null) seen.outside.push(type);
      },
    },
  });
  for (const prompt of prompts) {
    turn = { types: [], text: [], results: [] };
    const { types, text, results } = turn;
    seen.turns.push(turn);
    const running = client.prompt(prompt);
    for await (const { type, payload } of running) {
      types.push(type);
      if (type === "ContentPart" && payload.type === "text") text.push(shortCopy(payload.text));
      if (type === "ToolResult") results.push(payload);
    }
    try {
      turn.result = await running.result;
    } catch (error) {
      turn.error = told(error);
    }
    seen.modes.push(client.mode);
    seen.guarantees.push(client.guarantees);
    turn = null;
  }
  await client.close();
} catch (error) {
  seen.error = told(error);
}
seen.ms = Math.round(performance.now() - begun);
seen.rssMb = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(JSON.stringify(seen));

/** A plain slice would keep the whole text in memory. */
function shortCopy(text) {
  return Buffer.from(text.slice(0, 1000)).toString();
}

function told({ name, code, message, data }) {
  return { name, code, message, data };
}
