/** Who answers when nobody is there: the policy of `--approve`. */
import type { ApprovalAnswer } from "../src/client/host.js";
import type { KernelFlags } from "../src/kernel/config/kernel-flags.js";
import type { ApprovalRequest } from "../src/wire/generated/types.gen.js";
import { printMessages } from "./print-messages.js";

/** Edits outside of the work folder have another action. */
const EDIT = "edit file";

/** Never approves for the session: what one run allows is not remembered for the next. */
export function policyAnswer(policy: KernelFlags["approve"], { action }: ApprovalRequest): ApprovalAnswer {
  if (policy === "all" || (policy === "edits" && action === EDIT)) return { response: "approve" };
  return { response: "reject", feedback: printMessages.nobodyThere };
}
