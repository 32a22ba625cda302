/** Names of hook events as a kernel may send them. */
import * as z from "zod/mini";
import { HOOK_EVENTS } from "../generated/tables.gen.js";
import type { HookEvent } from "../generated/types.gen.js";
import { pin } from "../pin.js";

/** One of the thirteen known names. */
export const hookEvent = pin<HookEvent>()(z.enum(HOOK_EVENTS));
