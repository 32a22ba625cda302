/** Gives the hosts of this folder their kernel: this command's own as a sidecar, a thread of this process behind it. */
import type { HostClient, OpenOptions } from "./host-client.js";

/** Starts a kernel and shakes hands. Throws KernelProcessError. The caller closes what it gets. */
export async function openClient(options: OpenOptions): Promise<HostClient> {
  const { connectKernel } = await import("../src/fallback/index.js");
  const named = options.env.KERNEL_BIN?.trim();
  const own = { command: [process.execPath, process.argv[1] as string] as const };
  return await connectKernel({ ...options, ...(named ? {} : own) });
}
