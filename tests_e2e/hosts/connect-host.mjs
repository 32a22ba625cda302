// A host that takes its kernel as connectKernel gives it, and sends one prompt. Takes the options as JSON; prints one
// JSON object: which kernel it was, what the turn said, what was asked, or the error.
import { connectKernel } from "../../dist/lib/index.js";

const options = JSON.parse(process.argv[2]);
const seen = { mode: null, text: "", asked: 0, causes: [] };
try {
  const client = await connectKernel({
    ...options,
    client: { name: "host" },
    handlers: {
      onApproval: async () => {
        seen.asked += 1;
        return { response: "approve" };
      },
      onState: ({ cause }) => {
        if (cause !== null) seen.causes.push(cause.kind);
      },
    },
  });
  seen.mode = client.mode;
  const turn = client.prompt("go");
  for await (const event of turn) {
    if (event.type === "ContentPart" && event.payload.type === "text") seen.text += event.payload.text;
  }
  seen.status = (await turn.result).status;
  await client.close();
} catch (error) {
  seen.error = { name: error.name, code: error.code, message: error.message };
}
process.stdout.write(JSON.stringify(seen));
