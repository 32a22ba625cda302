/** The public API of `wire-kernel/client`. */
export { KernelProcessError, type KernelProcessErrorCode } from "./errors.js";
export { type SidecarOptions, sidecarLauncher } from "./sidecar-launcher.js";
