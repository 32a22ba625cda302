/**
 * Tool processes on POSIX. Each command leads a session and a group of its own, with stdin at /dev/null and no terminal.
 *
 * Order of a start: the gate is spawned (gated-spawn.ts), its group goes to the watchdog (watchdog.ts), the caller is
 * told pid and start time, and only then the gate opens. So nothing runs that would outlive the kernel.
 *
 * A command that may outlive the kernel is neither watched nor killed at the end.
 *
 * Limit: a process that calls setsid leaves the group, and only a PID namespace could hold it.
 */
import { type Logger, silentLogger } from "../logger.js";
import { gatedSpawn } from "./gated-spawn.js";
import type { ProcessGroups, RunningProcess, SpawnRequest } from "./process-groups.js";
import { superviseGroup } from "./supervise-group.js";
import { createWatchdog } from "./watchdog.js";

/** Creates the process groups of one kernel. `env.PATH` serves requests without a PATH. The caller closes it. */
export function createProcessGroups(
  options: { env?: Readonly<Record<string, string>>; logger?: Logger } = {},
): ProcessGroups {
  const logger = options.logger ?? silentLogger;
  const watchdog = createWatchdog(logger);
  const living = new Map<number, RunningProcess>();
  let closing: Promise<void> | null = null;

  async function spawn(request: SpawnRequest): Promise<RunningProcess> {
    refuseWhenClosed();
    const path = request.env.PATH ?? options.env?.PATH;
    const env = path === undefined ? request.env : { ...request.env, PATH: path };
    const gated = await gatedSpawn({ ...request, env });
    const running = superviseGroup(gated.child, gated.pid, request, logger, () => {
      living.delete(gated.pid);
      watchdog.unregister(gated.pid);
    });
    try {
      if (request.outlive === undefined) {
        living.set(gated.pid, running);
        await watchdog.register(gated.pid);
      } else {
        gated.child.unref();
      }
      refuseWhenClosed();
      request.onStarted?.({ pgid: running.pgid, startTime: running.startTime });
      gated.open();
      return running;
    } catch (error) {
      await running.kill();
      throw error;
    }
  }

  function refuseWhenClosed(): void {
    if (closing !== null) throw new Error("The kernel is closing: no new processes.");
  }

  async function close(): Promise<void> {
    await Promise.all([...living.values()].map((running) => running.kill()));
    await watchdog.close();
  }

  return {
    spawn,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
