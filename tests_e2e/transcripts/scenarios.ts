/** The conversations of wire-spec/transcripts: what the model says and what the client does. */
import { call, say, script, shell, usage } from "../echo-scripts.js";
import type { KernelProcess, Message } from "../kernel-process.js";
import { agentScenarios } from "./agent-scenarios.js";
import { mcpScenarios } from "./mcp-scenarios.js";

export interface Scenario {
  name: string;
  about: string;
  scripts: string[];
  args?: string[];
  capabilities?: string[];
  loop_control?: Record<string, number>;
  mcp?: Record<string, unknown>;
  files?: Record<string, string>;
  run(kernel: KernelProcess): Promise<unknown>;
}

const EXT = {
  name: "ext",
  description: "Says it back.",
  parameters: { type: "object", properties: { p: { type: "string" } } },
};
const VALUE = { is_error: false, output: "o", message: "", display: [] };
const YOLO = ["--yolo"];

function answer(kernel: KernelProcess, request: Message, value: Record<string, unknown> = {}): void {
  kernel.answer(request, { tool_call_id: request.id, return_value: { ...VALUE, ...value } });
}

async function prompt(kernel: KernelProcess, input: unknown = "go"): Promise<Message> {
  return await kernel.call("prompt", { user_input: input });
}

/** Starts a prompt, answers its only approval, waits for the end. */
async function approving(kernel: KernelProcess, response: "approve" | "reject", feedback?: string): Promise<unknown> {
  await kernel.initialize();
  const id = kernel.request("prompt", { user_input: "go" });
  kernel.approve(await kernel.serverRequest("ApprovalRequest"), response, feedback);
  return await kernel.response(id);
}

/** Cancels when a request is open, and answers that request too late. */
async function cancelling(kernel: KernelProcess, type: string): Promise<unknown> {
  await kernel.initialize({ external_tools: [EXT] });
  const id = kernel.request("prompt", { user_input: "go" });
  const request = await kernel.serverRequest(type);
  await kernel.call("cancel");
  await kernel.response(id);
  if (type === "ApprovalRequest") kernel.approve(request);
  else answer(kernel, request);
  return await prompt(kernel, "next");
}

async function withTools(kernel: KernelProcess, during: (id: string | number) => Promise<void>): Promise<unknown> {
  await kernel.initialize({ external_tools: [EXT] });
  const id = kernel.request("prompt", { user_input: "go" });
  await during(id);
  return await kernel.response(id);
}

/** Subscribes to these events and answers each hook as `decide` says. */
async function hooked(
  kernel: KernelProcess,
  events: readonly string[],
  during: (
    next: () => Promise<Message>,
    decide: (request: Message, action: string, reason?: string) => void,
  ) => unknown,
): Promise<unknown> {
  await kernel.initialize({ hooks: events.map((event, at) => ({ id: `h${at + 1}`, event })) });
  const id = kernel.request("prompt", { user_input: "go" });
  await during(
    () => kernel.serverRequest("HookRequest"),
    (request, action, reason = "") => kernel.answer(request, { request_id: request.id, action, reason }),
  );
  return await kernel.response(id);
}

const turns: Scenario[] = [
  {
    name: "plain-text",
    about: "Two turns of text, thinking and usage.",
    scripts: [
      script("think: hm", say("hel"), say("lo")),
      script("id: m1", say("again"), usage({ input_other: 12, output: 3 })),
    ],
    run: async (kernel) => {
      await kernel.initialize({ client: { name: "recorder", version: "1" } });
      await prompt(kernel, "hi");
      await prompt(kernel, [{ type: "text", text: "more" }]);
    },
  },
  {
    name: "media",
    about: "Pictures in both directions; optional fields are spelled out.",
    scripts: [script(say("see"), "image_url: data:,y")],
    capabilities: ["image_in"],
    run: (kernel) => prompt(kernel, [{ type: "image_url", image_url: { url: "data:,x" } }]),
  },
  {
    name: "streamed-call",
    about: "A call in pieces: nothing is merged on stdout.",
    scripts: [
      script(
        call("t1", "SetTodoList", null),
        'tool_call_part: "{\\"todos\\":"',
        "tool_call_part: null",
        'tool_call_part: "[]}"',
      ),
      say("done"),
    ],
    run: (kernel) => prompt(kernel),
  },
  {
    name: "max-steps",
    about: "The limit of steps is a result, not an error.",
    scripts: ["t1", "t2"].map((id) => script(say("s"), call(id, "SetTodoList", { todos: [] }))),
    loop_control: { max_steps_per_turn: 2 },
    run: (kernel) => prompt(kernel),
  },
  {
    name: "steer",
    about: "Two steers enter after the tool's result and before the next step.",
    scripts: [script(say("w"), call("t1", "ext")), say("after")],
    run: (kernel) =>
      withTools(kernel, async () => {
        const request = await kernel.serverRequest("ToolCallRequest");
        await kernel.call("steer", { user_input: "do A" });
        await kernel.call("steer", { user_input: [{ type: "text", text: "do B" }] });
        answer(kernel, request);
      }),
  },
];

const approvals: Scenario[] = [
  {
    name: "approve",
    about: "A command is asked for, approved and run; then everything is replayed.",
    scripts: [script(say("a"), shell("t1", "echo ok")), say("done")],
    run: async (kernel) => {
      await approving(kernel, "approve");
      await kernel.call("replay");
    },
  },
  {
    name: "reject",
    about: "A no without a word ends the turn as finished.",
    scripts: [shell("t1", "echo ok"), say("second")],
    run: async (kernel) => {
      await approving(kernel, "reject");
      await prompt(kernel, "again");
    },
  },
  {
    name: "reject-feedback",
    about: "A no with a reason lets the model go on.",
    scripts: [shell("t1", "echo ok"), say("adapted")],
    run: (kernel) => approving(kernel, "reject", "use ls"),
  },
  {
    name: "reject-malformed",
    about: "An error or a malformed answer is a no.",
    scripts: [shell("t1", "echo 1"), shell("t2", "echo 2")],
    run: async (kernel) => {
      for (const message of [{ error: { code: -1, message: "nah" } }, { result: { response: "maybe" } }]) {
        const id = kernel.request("prompt", { user_input: "go" });
        const request = await kernel.serverRequest("ApprovalRequest");
        kernel.send({ id: request.id as string, ...message });
        await kernel.response(id);
      }
    },
  },
  {
    name: "approve-for-session",
    about: "A grant settles what it covers, pending and later; another program is asked for again.",
    scripts: [
      script(shell("t1", "echo 1"), shell("t2", "echo 2")),
      shell("t3", "echo 3"),
      shell("t4", "touch x"),
      say("done"),
    ],
    run: async (kernel) => {
      await kernel.initialize();
      const id = kernel.request("prompt", { user_input: "go" });
      const first = await kernel.serverRequest("ApprovalRequest");
      await kernel.serverRequest("ApprovalRequest");
      kernel.approve(first, "approve_for_session");
      kernel.approve(await kernel.serverRequest("ApprovalRequest"), "reject");
      await kernel.response(id);
    },
  },
  {
    name: "yolo",
    about: "Nothing is asked; an edit shows its diff.",
    scripts: [
      call("t1", "StrReplaceFile", { path: "f.txt", edit: { old: "b", new: "B" } }),
      shell("t2", "cat f.txt"),
      say("done"),
    ],
    args: YOLO,
    files: { "f.txt": "a\nb\nc\n" },
    run: (kernel) => prompt(kernel),
  },
  {
    name: "edit-approval",
    about: "An edit is asked for with its diff.",
    scripts: [call("t1", "WriteFile", { path: "new.txt", content: "x\n" }), say("done")],
    run: (kernel) => approving(kernel, "approve"),
  },
];

const tools: Scenario[] = [
  {
    name: "external-tool",
    about: "Registration, schema check, value, error and malformed value of a client's tool; then replay.",
    scripts: [
      call("t1", "ext", { p: 1 }),
      call("t2", "ext", { p: "x" }),
      call("t3", "ext", { p: "y" }),
      call("t4", "ext", { p: "z" }),
      say("end"),
    ],
    run: async (kernel) => {
      const bad = { name: "bad", description: "d", parameters: { type: "nope" } };
      await kernel.initialize({ external_tools: [EXT, EXT, bad, { ...EXT, name: "Shell" }] });
      const id = kernel.request("prompt", { user_input: "go" });
      const second = await kernel.serverRequest("ToolCallRequest");
      kernel.send({ id: second.id as string, error: { code: 5, message: "client boom" } });
      kernel.answer(await kernel.serverRequest("ToolCallRequest"), { nope: 1 });
      answer(kernel, await kernel.serverRequest("ToolCallRequest"), {
        message: "m",
        display: [
          { type: "brief", text: "b" },
          { type: "custom", foo: 1 },
        ],
        extras: { a: 1 },
      });
      await kernel.response(id);
      await kernel.call("replay");
    },
  },
  {
    name: "parallel-calls",
    about: "Two calls are open at once; results come as they are answered.",
    scripts: [script(call("t1", "ext", { p: "1" }), call("t2", "ext", { p: "2" })), say("done")],
    run: (kernel) =>
      withTools(kernel, async () => {
        const first = await kernel.serverRequest("ToolCallRequest");
        const second = await kernel.serverRequest("ToolCallRequest");
        answer(kernel, second, { output: "second" });
        await kernel.event("ToolResult");
        answer(kernel, first, { output: "first" });
      }),
  },
  {
    name: "bad-calls",
    about: "A tool that does not exist, arguments that are not JSON or do not fit.",
    scripts: [
      call("t1", "Nope"),
      call("t2", "Shell", "{bad json"),
      call("t3", "Shell", { cmd: "x" }),
      call("t4", "Shell", null),
      say("done"),
    ],
    run: (kernel) => prompt(kernel),
  },
  {
    name: "repeated-calls",
    about: "The same call twice in a step runs once; reminders from the third on, the end at the twelfth.",
    scripts: [
      script(shell("t1", "echo 1"), shell("t2", "echo 1")),
      ...Array.from({ length: 10 }, (_, i) => shell(`u${i}`, "echo 1")),
    ],
    args: YOLO,
    run: (kernel) => prompt(kernel),
  },
];

const hooks: Scenario[] = [
  {
    name: "hook-allows",
    about:
      "A tool's hook says yes; the one behind the tool is answered while the turn's last hook is open; then replay.",
    scripts: [shell("t1", "echo hi"), say("done")],
    args: YOLO,
    run: async (kernel) => {
      await hooked(kernel, ["PreToolUse", "PostToolUse", "Stop"], async (next, decide) => {
        decide(await next(), "allow");
        const after = await next();
        const last = await next();
        decide(after, "allow");
        decide(last, "allow");
      });
      await kernel.call("replay");
    },
  },
  {
    name: "hook-blocks-tool",
    about: "A tool's hook says no before anybody is asked for an approval; the model goes on.",
    scripts: [shell("t1", "echo hi"), say("done")],
    run: (kernel) =>
      hooked(kernel, ["PreToolUse"], async (next, decide) => decide(await next(), "block", "not this one")),
  },
  {
    name: "hook-blocks-prompt",
    about: "A prompt is refused: hook events come before TurnBegin, the reason is shown, no model is asked.",
    scripts: [say("never")],
    run: (kernel) =>
      hooked(kernel, ["UserPromptSubmit"], async (next, decide) => decide(await next(), "block", "no way")),
  },
  {
    name: "hook-blocks-stop",
    about: "The end is refused once: steps are counted anew, the reason is the next user message.",
    scripts: [say("a"), say("b")],
    run: (kernel) => hooked(kernel, ["Stop"], async (next, decide) => decide(await next(), "block", "keep going")),
  },
  {
    name: "cancel-hook",
    about: "Cancel while a hook is asked: it is closed, nothing runs, the late answer is ignored.",
    scripts: [shell("t1", "echo hi"), say("after")],
    run: async (kernel) => {
      await hooked(kernel, ["PreToolUse"], async (next, decide) => {
        const request = await next();
        await kernel.call("cancel");
        decide(request, "allow");
      });
      await prompt(kernel, "next");
    },
  },
];

const endings: Scenario[] = [
  {
    name: "cancel-tool",
    about: "Cancel while a command runs; it is repeatable.",
    scripts: [script(say("w"), shell("t1", "sleep 30")), say("after")],
    args: YOLO,
    run: async (kernel) => {
      const id = kernel.request("prompt", { user_input: "go" });
      await kernel.event("StatusUpdate");
      await kernel.call("cancel");
      await kernel.response(id);
      await prompt(kernel, "next");
    },
  },
  {
    name: "cancel-approval",
    about: "Cancel while an approval is open: it is settled as reject; the late answer is ignored.",
    scripts: [shell("t1", "echo x"), say("after")],
    run: (kernel) => cancelling(kernel, "ApprovalRequest"),
  },
  {
    name: "cancel-external-tool",
    about: "Cancel while the client's tool runs; the late value is ignored.",
    scripts: [call("t1", "ext"), say("after")],
    run: (kernel) => cancelling(kernel, "ToolCallRequest"),
  },
  {
    name: "provider-error",
    about: "An error that will not go away: no retry.",
    scripts: ["error: 401 Token expired", say("again")],
    run: async (kernel) => {
      await prompt(kernel);
      await prompt(kernel, "again");
    },
  },
  {
    name: "retry",
    about: "A failed and an empty attempt are void; the third is the reply.",
    scripts: ["error: 500", "think: only this", say("ok now")],
    run: (kernel) => prompt(kernel),
  },
  {
    name: "retries-used-up",
    about: "The last attempt's error is the answer.",
    scripts: ["error: 503", "error: timeout"],
    loop_control: { max_retries_per_step: 2 },
    run: (kernel) => prompt(kernel),
  },
  {
    name: "llm-not-set",
    about: "Without a model a prompt fails and slash commands work.",
    scripts: [],
    args: ["--model", "nope"],
    run: async (kernel) => {
      await prompt(kernel);
      await prompt(kernel, "/clear");
      await prompt(kernel, "/compact");
    },
  },
  {
    name: "llm-not-supported",
    about: "A picture for a model that cannot see, in a prompt and in a steer.",
    scripts: [call("t1", "ext")],
    run: async (kernel) => {
      const image = [{ type: "image_url", image_url: { url: "data:,x" } }];
      await prompt(kernel, image);
      await withTools(kernel, async () => {
        const request = await kernel.serverRequest("ToolCallRequest");
        await kernel.call("steer", { user_input: image });
        answer(kernel, request);
      });
    },
  },
];

const commands: Scenario[] = [
  {
    name: "slash-commands",
    about: "/clear, /reset, /yolo, an unknown one, and prompts that only look like one.",
    scripts: [say("asked"), say("asked")],
    run: async (kernel) => {
      await kernel.initialize();
      for (const input of ["/clear", "/reset", "/yolo", "/yolo", "/unknown x", "/a/b", "hello /clear"]) {
        await prompt(kernel, input);
      }
    },
  },
  {
    name: "init-command",
    about: "/init runs steps of its own without a nested turn.",
    scripts: [call("t1", "WriteFile", { path: "AGENTS.md", content: "# Rules\n" }), say("written")],
    args: YOLO,
    run: (kernel) => prompt(kernel, "/init"),
  },
  {
    name: "compact",
    about: "/compact of nothing, of too little, and of more.",
    scripts: [say("hello"), say("two"), script(say("SUMMARY"), usage({ input_other: 9, output: 40 }))],
    run: async (kernel) => {
      await prompt(kernel, "/compact");
      await prompt(kernel, "hi");
      await prompt(kernel, "/compact");
      await prompt(kernel, "b");
      await prompt(kernel, "/compact keep names");
    },
  },
  {
    name: "compact-fails",
    about: "CompactionEnd comes all the same.",
    scripts: [say("one"), say("two"), "error: 400 nope"],
    run: async (kernel) => {
      await prompt(kernel, "a");
      await prompt(kernel, "b");
      await prompt(kernel, "/compact");
    },
  },
  {
    name: "auto-compaction",
    about: "The window is full: compaction inside the step, between StepBegin and the reply.",
    scripts: [
      say("one"),
      script(say("two"), call("t1", "SetTodoList", { todos: [] }), usage({ input_other: 96_000, output: 10 })),
      say("SUMMARY"),
      script(say("three"), usage({ input_other: 700, output: 10 })),
    ],
    run: async (kernel) => {
      await prompt(kernel, "a");
      await prompt(kernel, "b");
    },
  },
];

const FLOW =
  "---\nname: fl\ntype: flow\n---\n```mermaid\ngraph TD\nA([BEGIN]) --> B{Pick one}\nB -->|yes| C[Do C]\nB -->|no| D([END])\nC --> D\n```\n";

const skills: Scenario[] = [
  {
    name: "skill-and-flow",
    about: "A skill with a request; a flow with an invalid choice; a flow that cannot run.",
    scripts: [say("skill"), say("hmm"), say("<choice>yes</choice>"), say("did C")],
    files: {
      ".kimi/skills/sk/SKILL.md": "---\nname: sk\ndescription: S\n---\nBody text.\n",
      ".kimi/skills/fl/SKILL.md": FLOW,
      ".kimi/skills/bad/SKILL.md": FLOW.replace("name: fl", "name: bad").replace("D([END])", "D[x]"),
    },
    run: async (kernel) => {
      await kernel.initialize();
      for (const input of ["/skill:sk do it now", "/flow:fl", "/flow:bad", "/skill:nope"]) await prompt(kernel, input);
      await kernel.call("replay");
    },
  },
  {
    name: "ralph-loop",
    about: "The prompt again and again until the model stops it, and until the limit stops it.",
    scripts: [say("one"), say("<choice>CONTINUE</choice>"), say("<choice>STOP</choice>"), "error: 400 nope"],
    args: ["--max-ralph-iterations", "2"],
    run: async (kernel) => {
      await prompt(kernel, "task");
      await prompt(kernel, "other");
    },
  },
  {
    name: "send-dmail",
    about: "Agent okabe goes back to a checkpoint of its conversation; clients see an ordinary call.",
    scripts: [
      call("t1", "SetTodoList", { todos: [] }),
      call("t2", "SendDMail", { checkpoint_id: 1, message: "skip it" }),
      call("t3", "SendDMail", { checkpoint_id: 9, message: "no" }),
      say("done"),
    ],
    args: ["--agent", "okabe"],
    run: (kernel) => prompt(kernel),
  },
  {
    name: "session-commands",
    about: "/add-dir, /export and /import, and what they refuse.",
    scripts: [say("hello")],
    files: { "notes.txt": "remember" },
    run: async (kernel) => {
      await prompt(kernel, "hi");
      for (const input of ["/add-dir", "/add-dir /nonexist", "/export talk.md", "/import", "/import /nonexist"]) {
        await prompt(kernel, input);
      }
      await prompt(kernel, "/import notes.txt");
    },
  },
];

const states: Scenario[] = [
  {
    name: "states",
    about: "What is refused while idle and while a turn runs.",
    scripts: [call("t1", "ext")],
    run: async (kernel) => {
      await kernel.call("cancel");
      await kernel.call("steer", { user_input: "x" });
      await kernel.call("replay");
      await withTools(kernel, async () => {
        await kernel.serverRequest("ToolCallRequest");
        await kernel.call("initialize", { protocol_version: "1.10" });
        await kernel.call("prompt", { user_input: "x" });
        await kernel.call("replay");
        await kernel.call("steer", { user_input: "x" });
        await kernel.call("cancel");
      });
    },
  },
  {
    name: "refused-calls",
    about: "Unknown methods and params of a wrong shape.",
    scripts: [say("x")],
    run: async (kernel) => {
      await kernel.call("nope", {});
      await kernel.call("request", {});
      await kernel.call("prompt", { user_input: 5 });
      await kernel.call("prompt", { user_input: [{ type: "hologram" }] });
      await kernel.call("initialize", {});
      await kernel.call("set_plan_mode", {});
      await prompt(kernel, "");
    },
  },
];

export const SCENARIOS: readonly Scenario[] = [
  ...turns,
  ...approvals,
  ...tools,
  ...hooks,
  ...endings,
  ...commands,
  ...skills,
  ...states,
  ...mcpScenarios,
  ...agentScenarios,
];
