/** Conversations with subagents and background tasks. */
import { call, say, script, shell } from "../echo-scripts.js";
import type { KernelProcess } from "../kernel-process.js";
import { agent, reports } from "../subagents.js";
import type { Scenario } from "./scenarios.js";

async function approving(kernel: KernelProcess, response: "approve" | "reject"): Promise<unknown> {
  await kernel.initialize();
  const id = kernel.request("prompt", { user_input: "go" });
  kernel.approve(await kernel.serverRequest("ApprovalRequest"), response);
  return await kernel.response(id);
}

const go = (kernel: KernelProcess) => kernel.call("prompt", { user_input: "go" });

export const agentScenarios: readonly Scenario[] = [
  {
    name: "subagent",
    about: "A subagent: its events nested and merged, its approval not, its last words the result.",
    scripts: [
      script(say("deleg"), agent("t1", "sub prompt", { subagent_type: "coder" })),
      script(say("sub "), say("start"), shell("s1", "echo sub")),
      reports,
      say("done"),
    ],
    run: (kernel) => approving(kernel, "approve"),
  },
  {
    name: "subagent-short",
    about: "A subagent that says little is asked for more, once.",
    scripts: [agent("t1", "p"), say("short"), reports, say("done")],
    run: go,
  },
  {
    name: "subagent-fails",
    about: "The model of a subagent fails: an error result, and the outer loop goes on.",
    scripts: [agent("t1", "p"), "error: 400 bad", say("done")],
    run: go,
  },
  {
    name: "subagent-reject",
    about: "A call of a subagent is rejected: the subagent goes on.",
    scripts: [agent("t1", "p"), shell("s1", "echo sub"), reports, say("done")],
    run: (kernel) => approving(kernel, "reject"),
  },
  {
    name: "cancel-subagent",
    about: "Cancel while a subagent waits for an approval: nothing comes behind TurnEnd.",
    scripts: [agent("t1", "p"), shell("s1", "echo sub")],
    run: async (kernel) => {
      await kernel.initialize();
      const id = kernel.request("prompt", { user_input: "go" });
      await kernel.serverRequest("ApprovalRequest");
      await kernel.call("cancel");
      await kernel.response(id);
    },
  },
  {
    name: "background-task",
    about: "A command in the background, the Notification of its end, the list of tasks.",
    // The task ends while the second command runs, not before and not behind it.
    scripts: [
      shell("t1", "until [ -e go ]; do sleep 0.05; done; echo bgdone; touch ended", {
        run_in_background: true,
        description: "bgjob",
      }),
      shell("t2", "touch go; until [ -e ended ]; do sleep 0.05; done; sleep 2"),
      call("t3", "TaskList", { active_only: false }),
      say("done"),
    ],
    args: ["--yolo"],
    run: go,
  },
];
