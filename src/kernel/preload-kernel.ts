/** Loads code before it is needed, for whoever has to start a kernel fast and has the time now. */

/** Loads and rehearses what a kernel runs through up to its first call of a model. Opens nothing that stays. Never rejects. */
export async function preloadKernel(): Promise<void> {
  await Promise.allSettled([
    import("./main.js"),
    import("./kernel-runtime.js"),
    import("./server/extension-server.js"),
    defineTools(),
    loadDriver(),
  ]);
  // Behind the loading, because a kernel that is needed at once needs that more.
  await Promise.allSettled([rehearse()]);
}

async function rehearse(): Promise<void> {
  const { rehearseKernel } = await import("./rehearse-kernel.js");
  await rehearseKernel();
  const { rehearseOpenAi } = await import("./providers/rehearse-openai.js");
  await rehearseOpenAi();
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
