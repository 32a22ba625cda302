/** Conversations with questions and plan mode. The recorder's share folder is ~/.kimi, so the model can name its plan. */
import { call, say, script, shell } from "../echo-scripts.js";
import type { KernelProcess } from "../kernel-process.js";
import { ABLE, answerQuestion } from "../plan-session.js";
import type { Scenario } from "./scenarios.js";

const ID = "0d5a5a0e-7f5c-4d53-9a43-3f1d2c4b5a69";
const PLAN = `~/.kimi/plans/${ID}.md`;
const SESSION = ["--session", ID];
const AB = [{ label: "A" }, { label: "B", description: "d" }];

const ask = (id: string) => call(id, "AskUserQuestion", { questions: [{ question: "Which?", options: AB }] });
const write = (id: string, path: string, content: string) => call(id, "WriteFile", { path, content });
const exit = (id: string, args: Record<string, unknown> = {}) => call(id, "ExitPlanMode", args);

/** Runs a prompt and gives these answers to its questions. */
async function asking(kernel: KernelProcess, ...answers: string[]): Promise<unknown> {
  const id = kernel.request("prompt", { user_input: "go" });
  for (const answer of answers) answerQuestion(kernel, await kernel.serverRequest("QuestionRequest"), answer);
  return await kernel.response(id);
}

export const PLAN_SCENARIOS: readonly Scenario[] = [
  {
    name: "question",
    about: "A question is answered, another dismissed; then everything is replayed.",
    scripts: [script(say("q"), ask("t1")), say("a"), ask("t2"), say("b")],
    run: async (kernel) => {
      await kernel.initialize({ capabilities: ABLE });
      await asking(kernel, "B");
      const id = kernel.request("prompt", { user_input: "go" });
      answerQuestion(kernel, await kernel.serverRequest("QuestionRequest"), {});
      await kernel.response(id);
      await kernel.call("replay");
    },
  },
  {
    name: "question-unsupported",
    about: "A client that cannot answer is not asked; the call gives an error.",
    scripts: [ask("t1"), say("so be it")],
    run: async (kernel) => {
      await kernel.initialize();
      await kernel.call("prompt", { user_input: "go" });
    },
  },
  {
    name: "cancel-question",
    about: "Cancel with a question open; the late answer is ignored.",
    scripts: [script(say("q"), ask("t1")), say("next")],
    run: async (kernel) => {
      await kernel.initialize({ capabilities: ABLE });
      const id = kernel.request("prompt", { user_input: "go" });
      const request = await kernel.serverRequest("QuestionRequest");
      await kernel.call("cancel");
      await kernel.response(id);
      answerQuestion(kernel, request, "A");
      await kernel.call("prompt", { user_input: "next" });
    },
  },
  {
    name: "plan",
    about: "The model enters plan mode, is kept from editing, writes the plan, and gets it approved with an option.",
    scripts: [
      script(say("e"), call("t1", "EnterPlanMode")),
      script(write("t2", "a.txt", "no"), write("t3", PLAN, "# PLAN")),
      exit("t4", { options: AB }),
      say("after"),
    ],
    args: SESSION,
    run: async (kernel) => {
      await kernel.initialize({ capabilities: ABLE });
      await asking(kernel, "Yes", "B");
    },
  },
  {
    name: "plan-rejected",
    about: "Revise goes on in the turn, Reject ends it, Reject and Exit ends plan mode too.",
    scripts: [write("t1", PLAN, "# PLAN"), exit("t2"), exit("t3"), exit("t4")],
    args: SESSION,
    run: async (kernel) => {
      await kernel.initialize({ capabilities: ABLE });
      await kernel.call("set_plan_mode", { enabled: true });
      await asking(kernel, "shorter", "Reject");
      await asking(kernel, "Reject and Exit");
    },
  },
  {
    name: "plan-by-hand",
    about: "set_plan_mode, --plan and /plan; a command is asked for although everything is approved.",
    scripts: [shell("t1", "echo ok"), say("on")],
    args: [...SESSION, "--plan", "--yolo"],
    run: async (kernel) => {
      const id = kernel.request("prompt", { user_input: "go" });
      kernel.approve(await kernel.serverRequest("ApprovalRequest"));
      await kernel.response(id);
      await kernel.call("set_plan_mode", { enabled: false });
      await kernel.call("set_plan_mode", { enabled: false });
      await kernel.call("prompt", { user_input: "/plan" });
      await kernel.call("prompt", { user_input: "/plan off" });
      await kernel.call("set_plan_mode", { enabled: "yes" });
    },
  },
];
