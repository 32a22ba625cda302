/** How a session says that something cannot be, or did not go on. */
import { KernelError } from "../errors.js";

/** Nobody cancelled this turn: a client that reads "cancelled" would believe that its user did. */
export function kernelStopped(): KernelError {
  return new KernelError("kernel_stopped", "The kernel was told to stop, which ended the turn; the session is kept.");
}

/** There is nothing that could be steered or cancelled. */
export function noTurn(): KernelError {
  return new KernelError("no_turn", "No agent turn is in progress");
}
