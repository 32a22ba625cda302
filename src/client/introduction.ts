/** How a host introduces itself to every kernel anew: everything it ever registered. */
import { PROTOCOL_VERSION } from "../wire/generated/tables.gen.js";
import type { HookSubscription, InitializeParams } from "../wire/generated/types.gen.js";
import { KernelProcessError } from "./errors.js";
import { EXTENSIONS } from "./extensions.js";
import type { KernelClientOptions } from "./host.js";
import type { HostSide } from "./host-answers.js";

/** Throws KernelProcessError `refused` for what no kernel would be asked about. */
export function refuseWrongOptions({ since }: KernelClientOptions): void {
  if (since === undefined || (Number.isSafeInteger(since) && since >= 0)) return;
  throw new KernelProcessError("refused", `since is ${since}; it must be a cursor: a whole number from 0 on`);
}

/** Who answers what, and the params of initialize. */
export function introduction(options: KernelClientOptions): [HostSide, InitializeParams] {
  const host = hostSide(options);
  return [host, initializeParams(options, host)];
}

/** Hooks get the names under which kernels call them. */
function hostSide({ handlers = {}, tools = [], hooks = [] }: KernelClientOptions): HostSide {
  return {
    handlers,
    tools: new Map(tools.map((tool) => [tool.name, tool])),
    hooks: new Map(hooks.map((hook, index) => [`hook-${index + 1}`, hook])),
  };
}

function initializeParams({ client, planMode = false }: KernelClientOptions, host: HostSide): InitializeParams {
  const external_tools = [...host.tools.values()].map(({ name, description, parameters }) => ({
    name,
    description,
    parameters,
  }));
  const hooks = [...host.hooks].map(
    ([id, { event, matcher, timeout }]): HookSubscription => ({
      id,
      event,
      ...(matcher === undefined ? {} : { matcher }),
      ...(timeout === undefined ? {} : { timeout }),
    }),
  );
  return {
    protocol_version: PROTOCOL_VERSION,
    client,
    ...(external_tools.length > 0 ? { external_tools } : {}),
    ...(hooks.length > 0 ? { hooks } : {}),
    capabilities: {
      supports_question: host.handlers.onQuestion !== undefined,
      supports_plan_mode: planMode,
      extensions: [...EXTENSIONS],
    },
  };
}
