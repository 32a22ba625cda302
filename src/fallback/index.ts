/** The public API of `wire-kernel`. */
export { type InProcessOptions, inProcessLauncher } from "./in-process-launcher.js";
