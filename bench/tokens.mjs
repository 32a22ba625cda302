// What every request costs before the user has said anything: system text and tools, taken from a real request.
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { figure } from "./figures.mjs";
import { startModelServer } from "./model-server.mjs";
import { ScratchHome } from "./scratch-home.mjs";

/** Gives the rows of this bench. */
export async function run({ nodeArgs }) {
  const server = await startModelServer();
  const home = new ScratchHome(server.baseUrl("turn"), nodeArgs);
  const session = home.startKernel();
  let body;
  try {
    await session.initialize();
    await session.call("prompt", { user_input: "say hi" });
    body = (await server.report()).body;
  } finally {
    await session.close();
    home.remove();
    await server.close();
  }
  const { messages, tools } = JSON.parse(body);
  const system = encode(messages[0].content).length;
  const listed = encode(JSON.stringify(tools)).length;
  return [
    figure("system text + tools", "tokens", [system + listed], {
      target: { atMost: 1250 },
      digits: 0,
      note: `o200k: ${system} text + ${listed} tools`,
    }),
    figure("tools listed", "tools", [tools.length], { target: { atLeast: 8 }, digits: 0 }),
    figure("first request", "bytes", [Buffer.byteLength(body)], { digits: 0 }),
  ];
}
