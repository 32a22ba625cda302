/** Params of the methods around a turn. Part of the kernel's start path. */
import * as z from "zod/mini";
import type {
  CancelParams,
  PromptParams,
  ReplayParams,
  SetPlanModeParams,
  SteerParams,
} from "../generated/types.gen.js";
import { pin } from "../pin.js";
import { userInput } from "./common.js";

/** Text or parts; a part of an unknown type is invalid. */
export const promptParams = pin<PromptParams>()(z.object({ user_input: userInput }));

/** As promptParams. */
export const steerParams = pin<SteerParams>()(z.object({ user_input: userInput }));

/** Only true and false; no truthy stand-ins. */
export const setPlanModeParams = pin<SetPlanModeParams>()(z.object({ enabled: z.boolean() }));

/** Anything, also nothing. */
export const replayParams = pin<ReplayParams>()(z.unknown());

/** Anything, also nothing. */
export const cancelParams = pin<CancelParams>()(z.unknown());
