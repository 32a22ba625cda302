/** Params that the extensions add. Loaded when a client asked for one. */
import * as z from "zod/mini";
import type { ClientId, ReplaySince, ResumeParams } from "../generated/extensions.gen.js";
import { pin } from "../pin.js";

/** `since` of replay, when it is there. */
export const replaySince = pin<ReplaySince>()(z.object({ since: z.int().check(z.minimum(0)) }));

/** `client_id` beside the params of prompt, steer and cancel, when it is there. */
export const clientId = pin<ClientId>()(z.object({ client_id: z.string().check(z.minLength(1), z.maxLength(128)) }));

/** Without an action it means `continue`. */
export const resumeParams = pin<ResumeParams>()(
  z.object({ turn_id: z.string(), action: z.exactOptional(z.enum(["continue", "settle"])) }),
);
