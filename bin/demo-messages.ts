/** What `npm start` says. */
export const demoMessages = {
  model: (description: string) => `Model:   ${description}`,
  configuredModel: (name: string) => `${name} (from your configuration)`,
  foundServer: (kind: string, model: string, url: string) => `${model} on ${kind} at ${url}`,
  embeddedModel: "embedded script",
  ownModel: `         No model is configured and no local server answered, so a scripted model plays its part and
         says the same whatever you ask. Start llama-server, LM Studio, Ollama or vLLM, or name a model in
         ~/.kernel/config.toml (see README.md).`,
  scratch: (folder: string) => `Folder:  ${folder} (removed at the end)`,
  connected: (name: string, version: string) => `Kernel:  ${name} ${version}`,
  prompt: (text: string) => `Prompt:  ${text}\n`,
  finished: (status: string) => `\nThe turn ended: ${status}.`,
  failed: (reason: string) => `
The demo failed: ${reason}`,
  answeredForYou: "  There is no keyboard here, so the demo approves.",
} as const;
