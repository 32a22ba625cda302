/**
 * Prints the lines of one turn with a tool call and an approval, between a client and the built kernel, with a real
 * llama-server behind it. `>` client, `<` kernel.
 *
 *   node scripts/llama-transcript.mjs [prompt]      (default: one that makes the scripted model call a tool)
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { onLines } from "../tests_e2e/lf-lines.mjs";
import { startLlamaServer } from "./llama-server.mjs";
import { writeScriptGguf } from "./script-gguf.mjs";

const WHOLE_MS = 180_000;
const LONGEST_LINE = 400;

const prompt = process.argv[2] ?? "please [[tool]]";
const root = realpathSync(mkdtempSync(path.join(tmpdir(), "llama-transcript-")));
let server;
try {
  const modelPath = path.join(root, "scripted.gguf");
  await writeScriptGguf(modelPath);
  server = await startLlamaServer({ modelPath, ctx: 16_384 });
  process.exitCode = await talk(startKernel(root, server.url));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  await server?.stop();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
}

function startKernel(folder, url) {
  const work = path.join(folder, "work");
  mkdirSync(work);
  const config = {
    default_model: "local",
    models: { local: { provider: "llama", model: "scripted", max_context_size: 16_384 } },
    providers: { llama: { type: "openai_legacy", base_url: `${url}/v1`, api_key: "" } },
  };
  const configFile = path.join(folder, "config.json");
  writeFileSync(configFile, JSON.stringify(config));
  const kernel = fileURLToPath(new URL("../bin/kernel.js", import.meta.url));
  return spawn(process.execPath, [kernel, "--wire", "--config-file", configFile, "--work-dir", work], {
    env: { PATH: process.env.PATH, HOME: folder, KIMI_SHARE_DIR: path.join(folder, "share") },
    stdio: ["pipe", "pipe", "inherit"],
  });
}

/** Resolves with 0 when the turn finished. */
function talk(child) {
  return new Promise((resolve) => {
    let code = 1;
    const late = setTimeout(() => child.kill("SIGKILL"), WHOLE_MS);
    child.once("error", (error) => console.error(error.message));
    child.once("close", () => {
      clearTimeout(late);
      resolve(code);
    });
    child.stdin.on("error", () => {});
    const send = (message) => {
      const line = JSON.stringify({ jsonrpc: "2.0", ...message });
      console.log(`> ${line}`);
      child.stdin.write(`${line}\n`);
    };
    onLines(child.stdout, (line) => {
      console.log(`< ${line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line}`);
      const message = JSON.parse(line);
      if (message.id === "i") send({ id: "p", method: "prompt", params: { user_input: prompt } });
      if (message.method === "request") {
        send({ id: message.id, result: { request_id: message.id, response: "approve" } });
      }
      if (message.id === "p" && message.method === undefined) {
        code = message.result?.status === "finished" ? 0 : 1;
        child.stdin.end();
      }
    });
    send({ id: "i", method: "initialize", params: { protocol_version: "1.10", client: { name: "transcript" } } });
  });
}
