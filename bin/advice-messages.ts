/** What to do about a failure, in the chat, in print mode and in the demo. */
export const adviceMessages = {
  noModel:
    "Name a model in config.toml in ~/.kernel, or where KERNEL_SHARE_DIR points (README.md shows one), set KERNEL_BASE_URL and KERNEL_MODEL_NAME, or run kernel login.",
  noSuchModel: (name: string) => `The configuration has no model '${name}'.`,
  models: (names: readonly string[]) => `Its models: ${names.join(", ")}.`,
  noDefault: (names: readonly string[]) =>
    `The configuration has no default_model; set it, or choose one with --model: ${names.join(", ")}.`,
  noAddress: (provider: string, model: string) => `The provider '${provider}' of the model '${model}' has no base_url.`,
  noServer: "Is the model server running? Its address is base_url of the provider in the configuration.",
  sessionLocked: "Leave it there first, or begin a session of its own without --session and --continue.",
  shareDir: (folder: string) => `The share folder is ${folder}; KERNEL_SHARE_DIR can name another.`,
  wrongKernel: (program: string) => `KERNEL_BIN names ${program}; unset it to run this program's own kernel.`,
} as const;
