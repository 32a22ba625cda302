/** Gives the hosts of this folder their kernel. The one place that knows which client they run on. */
import type { HostClient, OpenOptions } from "./host-client.js";
import { openPlainClient } from "./plain-client.js";

/** Starts a kernel and shakes hands. Throws KernelProcessError. The caller closes what it gets. */
export async function openClient(options: OpenOptions): Promise<HostClient> {
  return await openPlainClient(options);
}
