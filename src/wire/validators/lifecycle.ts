/** Params of initialize. Part of the kernel's start path. */
import * as z from "zod/mini";
import type {
  ClientCapabilities,
  ClientInfo,
  ExternalTool,
  HookSubscription,
  InitializeParams,
} from "../generated/types.gen.js";
import { pin } from "../pin.js";

const clientInfo = pin<ClientInfo>()(z.object({ name: z.string(), version: z.exactOptional(z.nullable(z.string())) }));
const externalTool = pin<ExternalTool>()(
  z.object({ name: z.string(), description: z.string(), parameters: z.record(z.string(), z.unknown()) }),
);
const hookSubscription = pin<HookSubscription>()(
  z.object({
    id: z.string(),
    event: z.string(),
    matcher: z.exactOptional(z.string()),
    timeout: z.exactOptional(z.int()),
  }),
);
const clientCapabilities = pin<ClientCapabilities>()(
  z.object({
    supports_question: z.exactOptional(z.boolean()),
    supports_plan_mode: z.exactOptional(z.boolean()),
    extensions: z.exactOptional(z.array(z.string())),
  }),
);

/** Unknown keys are dropped; defaults are not filled in; an unknown hook event is for the handler to ignore. */
export const initializeParams = pin<InitializeParams>()(
  z.object({
    protocol_version: z.string(),
    client: z.exactOptional(z.nullable(clientInfo)),
    external_tools: z.exactOptional(z.nullable(z.array(externalTool))),
    hooks: z.exactOptional(z.nullable(z.array(hookSubscription))),
    capabilities: z.exactOptional(z.nullable(clientCapabilities)),
  }),
);
