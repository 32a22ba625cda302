/** Results of the client's calls, for the client to check what a kernel answers. */
import * as z from "zod/mini";
import type {
  CancelResult,
  ExternalToolsOutcome,
  HooksOutcome,
  InitializeResult,
  PromptEnded,
  PromptMaxSteps,
  PromptResult,
  RejectedTool,
  ReplayResult,
  ServerCapabilities,
  ServerInfo,
  SetPlanModeResult,
  SlashCommand,
  SteerResult,
} from "../generated/types.gen.js";
import { pin } from "../pin.js";
import { hookEvent } from "./hook-event.js";

const count = z.int().check(z.minimum(0));

const serverInfo = pin<ServerInfo>()(z.object({ name: z.string(), version: z.string() }));
const slashCommand = pin<SlashCommand>()(
  z.object({ name: z.string(), description: z.string(), aliases: z.array(z.string()) }),
);
const rejectedTool = pin<RejectedTool>()(z.object({ name: z.string(), reason: z.string() }));
const externalToolsOutcome = pin<ExternalToolsOutcome>()(
  z.object({ accepted: z.array(z.string()), rejected: z.array(rejectedTool) }),
);
const hooksOutcome = pin<HooksOutcome>()(
  z.object({ supported_events: z.array(hookEvent), configured: z.record(z.string(), count) }),
);
const serverCapabilities = pin<ServerCapabilities>()(
  z.object({ supports_question: z.boolean(), extensions: z.exactOptional(z.array(z.string())) }),
);

/** external_tools, hooks and capabilities may be missing but not null. */
export const initializeResult = pin<InitializeResult>()(
  z.object({
    protocol_version: z.string(),
    server: serverInfo,
    slash_commands: z.array(slashCommand),
    external_tools: z.exactOptional(externalToolsOutcome),
    hooks: z.exactOptional(hooksOutcome),
    capabilities: z.exactOptional(serverCapabilities),
  }),
);

const promptEnded = pin<PromptEnded>()(z.object({ status: z.enum(["finished", "cancelled"]) }));
const promptMaxSteps = pin<PromptMaxSteps>()(z.object({ status: z.literal("max_steps_reached"), steps: count }));

/** How a turn ended. */
export const promptResult = pin<PromptResult>()(z.discriminatedUnion("status", [promptEnded, promptMaxSteps]));

/** The steer was taken. */
export const steerResult = pin<SteerResult>()(z.object({ status: z.literal("steered") }));

/** The state after the switch. */
export const setPlanModeResult = pin<SetPlanModeResult>()(
  z.object({ status: z.literal("ok"), plan_mode: z.boolean() }),
);

/** How many messages were sent again. */
export const replayResult = pin<ReplayResult>()(
  z.object({ status: z.enum(["finished", "cancelled"]), events: count, requests: count }),
);

/** An object; nothing in it is read. */
export const cancelResult = pin<CancelResult>()(z.object({}));
