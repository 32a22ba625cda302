// The floor of a turn: a prompt line in, one raw HTTP request out, one event line for each chunk back. No kernel, no
// files, no checks. Argument: the URL of the chat completions endpoint.
import { Agent, request } from "node:http";

const url = process.argv[2] ?? "";
const agent = new Agent({ keepAlive: true, noDelay: true });
const body = JSON.stringify({ model: "bench", stream: true, messages: [{ role: "user", content: "hello" }] });
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };

process.stdin.on("data", (chunk) => {
  for (const line of String(chunk).split("\n")) if (line !== "") answer(JSON.parse(line));
});

function answer({ id, method }) {
  if (method === "prompt") relay(id);
  else reply(id);
}

function reply(id) {
  process.stdout.write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{}}\n`);
}

function relay(id) {
  const call = request(url, { method: "POST", headers, agent }, (incoming) => {
    let tail = "";
    incoming.setEncoding("utf8");
    incoming.on("data", (text) => {
      const lines = (tail + text).split("\n");
      tail = lines.pop() ?? "";
      let out = "";
      for (const line of lines) if (line.startsWith("data: {")) out += eventLine(JSON.parse(line.slice(6)));
      if (out !== "") process.stdout.write(out);
    });
    incoming.on("end", () => reply(id));
  });
  call.end(body);
}

function eventLine(chunk) {
  const text = chunk.choices[0]?.delta.content;
  if (!text) return "";
  const payload = `{"type":"text","text":${JSON.stringify(text)}}`;
  return `{"jsonrpc":"2.0","method":"event","params":{"type":"ContentPart","payload":${payload}}}\n`;
}
