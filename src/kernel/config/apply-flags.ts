/** Lays the command line over the configuration: flags are stronger than the file. */
import type { KernelConfig } from "./config.js";
import type { KernelFlags } from "./kernel-flags.js";

/**
 * Gives a copy of `config` with the loop limits of the flags, and with yolo and plan mode switched on where a flag
 * asks for them. Model and thinking are left to `resolveModel`.
 */
export function applyFlags(config: KernelConfig, flags: KernelFlags): KernelConfig {
  const loop = config.loop_control;
  return {
    ...config,
    default_yolo: flags.yolo || config.default_yolo,
    default_plan_mode: flags.plan || config.default_plan_mode,
    loop_control: {
      ...loop,
      max_steps_per_turn: flags.maxStepsPerTurn ?? loop.max_steps_per_turn,
      max_retries_per_step: flags.maxRetriesPerStep ?? loop.max_retries_per_step,
      max_ralph_iterations: flags.maxRalphIterations ?? loop.max_ralph_iterations,
    },
  };
}
