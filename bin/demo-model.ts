/** Which model the demo runs on: the configured one, else a local server that answers, else the embedded script. */
import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { discoverServers } from "../src/kernel/config/discover-servers.js";
import { defaultConfigFile, loadConfig } from "../src/kernel/config/load-config.js";
import { resolveModel } from "../src/kernel/config/resolve-model.js";
import { resolveShareDir } from "../src/kernel/config/share-dir.js";
import { demoMessages } from "./demo-messages.js";

export interface DemoModel {
  /** Flags that make the kernel use it. */
  kernelArgs: string[];
  /** For the person: which one was taken. */
  description: string;
  isScripted: boolean;
}

/** What the embedded model says: one script for each model call, in the echo DSL. */
const SCRIPTS = [
  [
    'text: "I will write the file"',
    'text: " and read it back"',
    'text: " in one command."',
    `tool_call: ${JSON.stringify({ id: "demo-1", name: "Shell", arguments: JSON.stringify({ command: "echo 'Hello from the kernel.' > hello.txt && cat hello.txt" }) })}`,
    "usage: input_other=820 output=42",
  ],
  [
    'text: "Done: hello.txt"',
    'text: " holds one friendly line,"',
    'text: " shown above."',
    "usage: input_other=12 input_cache_read=850 output=16",
  ],
].map((lines) => lines.join("\n"));

/** Chooses, and writes what the embedded model needs into `scratch`. A broken configuration is thrown, not skipped. */
export async function chooseDemoModel(scratch: string, env: NodeJS.ProcessEnv): Promise<DemoModel> {
  mkdirSync(join(scratch, "work"), { recursive: true });
  const shareDir = resolveShareDir(env, homedir());
  const config = loadConfig({ source: { kind: "default", shareDir } });
  const configured = resolveModel({ config, flags: { model: null, thinking: null }, env });
  if (configured !== null && configured.provider.base_url !== "") {
    const file = defaultConfigFile(shareDir);
    const description = demoMessages.configuredModel(configured.alias || configured.model.model);
    return { kernelArgs: file === null ? [] : ["--config-file", file], description, isScripted: false };
  }
  const server = await discoverServers();
  if (server !== null) {
    const models = { local: { provider: "local", model: server.model, max_context_size: server.contextSize ?? 8_192 } };
    const providers = { local: { type: "openai_legacy", base_url: server.baseUrl, api_key: "" } };
    const found = { default_model: "local", models, providers };
    return write(scratch, found, demoMessages.foundServer(server.kind, server.model, server.baseUrl), false);
  }
  const scriptFile = join(scratch, "scripts.json");
  writeFileSync(scriptFile, JSON.stringify(SCRIPTS));
  const models = { scripted: { provider: "scripted", model: "scripted_echo", max_context_size: 32_768 } };
  const scripted = {
    type: "_scripted_echo",
    base_url: "",
    api_key: "",
    env: { KERNEL_SCRIPTED_ECHO_SCRIPTS: scriptFile },
  };
  const embedded = { default_model: "scripted", models, providers: { scripted } };
  return write(scratch, embedded, demoMessages.embeddedModel, true);
}

function write(scratch: string, config: object, description: string, isScripted: boolean): DemoModel {
  const file = join(scratch, "config.json");
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return { kernelArgs: ["--config-file", file], description, isScripted };
}
