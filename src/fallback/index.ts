/** The public API of `wire-kernel`: all of `wire-kernel/client`, and a client whose kernel may run inside its host. */
export * from "../client/index.js";
export { type InProcessOptions, inProcessLauncher } from "./in-process-launcher.js";
export type { LadderOptions } from "./kernel-ladder.js";
export { type ConnectOptions, connectKernel } from "./resilient-client.js";
