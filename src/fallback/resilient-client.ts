/** A client whose kernel may die: it is started again, and runs in this process when it cannot be had elsewhere. */
import type { KernelClientOptions } from "../client/host.js";
import { KernelClient } from "../client/kernel-client.js";
import { kernelLadder, type LadderOptions } from "./kernel-ladder.js";

export interface ConnectOptions extends Omit<KernelClientOptions, "launchers">, LadderOptions {}

/**
 * Starts a kernel and shakes hands. Throws KernelProcessError when none can be had, or the choice of one is wrong. The
 * caller closes the client.
 */
export async function connectKernel(options: ConnectOptions): Promise<KernelClient> {
  const { kernel, env, cwd, command, inProcess, fallbackApprovals, ...client } = options;
  const ladder = { kernel, env, cwd, command, inProcess, fallbackApprovals };
  const given = Object.fromEntries(Object.entries(ladder).filter(([, value]) => value !== undefined));
  const launchers = await kernelLadder(given as LadderOptions, [...(options.args ?? []), ...(options.firstArgs ?? [])]);
  return await KernelClient.connect({ ...client, launchers });
}
