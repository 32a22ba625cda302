/** Loads code before it is needed, for whoever has to start a kernel fast and has the time now. */

/** Loads what a kernel runs through up to its first call of a model. Opens and starts nothing. Never rejects. */
export async function preloadKernel(): Promise<void> {
  await Promise.allSettled([
    import("./main.js"),
    import("./kernel-runtime.js"),
    import("./server/extension-server.js"),
    defineTools(),
    loadDriver(),
  ]);
}

async function defineTools(): Promise<void> {
  const [{ loadDefaultTools }, { toolDefinition }] = await Promise.all([
    import("./tools/registry.js"),
    import("./tools/support/tool-schema.js"),
  ]);
  for (const tool of await loadDefaultTools()) toolDefinition(tool);
}

async function loadDriver(): Promise<void> {
  const { loadOpenAi } = await import("./providers/openai-driver.js");
  await loadOpenAi();
}
