/**
 * A kernel that is to fail on purpose: everything its composition root wraps around the real parts. Loaded only when
 * fail points were asked for; a kernel without them has no trace of this.
 */

import type { Transport } from "../wire/transport.js";
import { nextEpoch, type SessionPlace } from "./fail-point-epoch.js";
import { parseFailPoints } from "./fail-point-plan.js";
import { FailPoints, type ProcessEnds } from "./fail-points.js";
import { failingLog } from "./failing-log.js";
import { failingProvider } from "./failing-provider.js";
import { failingToolset } from "./failing-tools.js";
import { failingTransport } from "./failing-transport.js";
import type { ChatProvider } from "./providers/provider.js";
import type { SessionLog } from "./storage/session-log.js";
import type { Toolset } from "./tools/toolset.js";

export interface FailingKernelOptions {
  /** The value of KERNEL_FAILPOINT. */
  text: string;
  /** The value of KERNEL_FAILPOINT_MARKER; null for none. */
  markerFile: string | null;
  /** null in a thread of a host: kill and exit have no effect there. */
  ends: ProcessEnds | null;
  session: SessionPlace;
}

const ENDS: ReadonlySet<string> = new Set(["kill", "exit"]);

/** Throws KernelError `usage` with one sentence for places and actions that there are not. */
export function failingKernel(options: FailingKernelOptions): FailingKernel {
  const { text, markerFile, ends, session } = options;
  const planned = parseFailPoints(text).filter(({ action }) => ends !== null || !ENDS.has(action));
  return new FailingKernel({ planned, markerFile, ends }, session);
}

/** The wrappers, one for each seam. Each gives a stand-in for what it is given and does not own it. */
export class FailingKernel {
  readonly #points: FailPoints;
  /** The session's log, once it is known. */
  #log: SessionLog | null = null;

  constructor(options: Omit<ConstructorParameters<typeof FailPoints>[0], "epoch">, session: SessionPlace) {
    const epoch = (): number => {
      if (this.#log?.held === true) return this.#log.epoch;
      return nextEpoch(this.#log === null ? session : { ...session, session: this.#log.sessionId, continue: false });
    };
    this.#points = new FailPoints({ ...options, epoch });
  }

  /** The process has read its flags. */
  spawned(): void {
    this.#points.hit("spawned");
  }

  transport(transport: Transport): Transport {
    return failingTransport(transport, this.#points);
  }

  log(log: SessionLog): SessionLog {
    this.#log = log;
    return failingLog(log, this.#points);
  }

  provider(create: (() => Promise<ChatProvider>) | null): (() => Promise<ChatProvider>) | null {
    return create === null ? null : async () => failingProvider(await create(), this.#points);
  }

  guard(guard: (tools: Toolset) => Toolset): (tools: Toolset) => Toolset {
    return (tools) => failingToolset(guard(tools), this.#points);
  }

  /** The client has left or the process has to stop; nothing has been ended yet. */
  async closing(): Promise<void> {
    await this.#points.reach("shutdown");
  }
}
