/** Process groups that cost nothing until the first command: the start of the kernel must not pay for them. */
import type { Logger } from "../logger.js";
import type { ProcessGroups } from "./process-groups.js";

/** Loads the real thing at the first spawn. `close` before any spawn does nothing. */
export function lazyProcessGroups(logger: Logger): ProcessGroups {
  let groups: Promise<ProcessGroups> | null = null;
  return {
    spawn: async (request) => {
      groups ??= import("./posix-process-groups.js").then(({ createProcessGroups }) => createProcessGroups({ logger }));
      return (await groups).spawn(request);
    },
    close: async () => {
      await (await groups)?.close();
    },
  };
}
