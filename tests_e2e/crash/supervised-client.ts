/** The product's own client as the crash harness wants it: its ladder has one rung, a sidecar that is started again, or both. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { inProcessLauncher, KernelClient, type KernelLauncher, sidecarLauncher } from "wire-kernel";
import type { CrashClientFactory } from "./crash-client.js";
import { stuttering } from "./stuttering-transport.js";
import { CLIENT_TOOL } from "./turn-plan.js";

/** The built kernel of this tree. CRASH_ROOT names the tree for a bundle, which lies elsewhere. */
const root = process.env.CRASH_ROOT ?? dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export const connectCrashClient: CrashClientFactory = async (options) => {
  const { session, workDir, args, env, ladder, stutter, hooks, handlers } = options;
  let pid: number | null = null;
  const command = [process.execPath, join(root, "bin", "kernel.js")] as const;
  const sidecar = sidecarLauncher({ command, cwd: workDir, env });
  const launcher: KernelLauncher = {
    mode: sidecar.mode,
    launch: async (request) => {
      const launched = await sidecar.launch(request);
      pid = launched.pid;
      return stutter ? stuttering(launched) : launched;
    },
  };
  const client = await KernelClient.connect({
    launchers: ladder === "all" ? [launcher, inProcessLauncher({ env, cwd: workDir })] : [launcher],
    session,
    args,
    client: { name: "crash-tests" },
    tools: [
      {
        name: CLIENT_TOOL,
        description: "Leaves a mark.",
        parameters: { type: "object", properties: { effect: { type: "string" } } },
        run: async ({ id, arguments: given }) => {
          const output = await handlers.onTool(id, JSON.parse(given ?? "{}") as Record<string, unknown>);
          return { is_error: false, output, message: "", display: [], extras: null };
        },
      },
    ],
    hooks: hooks.map((event) => ({ event, run: (request) => handlers.onHook(request.id) })),
    handlers: {
      onEnvelope: (method, { type, payload }) =>
        handlers.onEnvelope({ method, type, payload: payload as Record<string, unknown> }),
      onApproval: ({ id }) => handlers.onApproval(id),
      onQuestion: ({ id }) => handlers.onQuestion(id),
      onState: ({ to, mode, unknownEffects, cause }) => {
        // A thread has no process of its own to kill.
        if (mode === "in_process") pid = null;
        handlers.onState({ to, mode, unknownEffects, cause: cause?.kind ?? null });
      },
    },
  });
  return {
    prompt: async (text) => (await client.prompt(text).result).status,
    steer: (text) => client.steer(text),
    cancel: () => client.cancel(),
    replay: async () => void (await client.replay(() => {})),
    pid: () => pid,
    close: () => client.close(),
  };
};
