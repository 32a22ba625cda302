/** AskUserQuestion, EnterPlanMode and ExitPlanMode over fakes of what the kernel does for them. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { askUserQuestion } from "./ask-user-question.js";
import { enterPlanMode } from "./enter-plan-mode.js";
import { exitPlanMode } from "./exit-plan-mode.js";
import type { PlanMode } from "./services/plan-mode.js";
import type { Question, Questions } from "./services/questions.js";
import { FileProblemError } from "./support/open-file.js";
import { toolDefinition } from "./support/tool-schema.js";
import { call, contextOf, prepare } from "./testing/call-tool.js";
import { NO_SERVICES, type ToolServices } from "./tool.js";

interface Setup {
  supported?: boolean;
  unattended?: boolean;
  active?: boolean;
  plan?: string | null | Error;
  /** What the user says to any question; null dismisses it. */
  answer?: string | null;
}

function setUp({ supported = true, unattended = false, active = false, plan = "# P", answer = null }: Setup = {}) {
  const asked: Question[] = [];
  const done: string[] = [];
  const questions: Questions = {
    supported,
    unattended,
    ask: async (_id, all) => {
      asked.push(...all);
      return answer === null ? {} : Object.fromEntries(all.map(({ question }) => [question, answer]));
    },
  };
  const planMode: PlanMode = {
    ...{ supported, active, planFile: "/share/plans/p.md" },
    set: (on) => void done.push(`set ${on}`),
    finish: () => void done.push("finish"),
    display: (content) => void done.push(`display ${content}`),
    read: async () => {
      if (plan instanceof Error) throw plan;
      return plan;
    },
  };
  const services: ToolServices = { ...NO_SERVICES, questions, planMode };
  return { asked, done, services, context: contextOf("/work", { services }) };
}

const AB = [{ label: "A" }, { label: "B" }];

describe("AskUserQuestion", () => {
  const ask = (setup: Setup, questions: unknown = [{ question: "Q?", options: AB }]) =>
    call(askUserQuestion, { questions }, setUp(setup).context);

  it("gives the answers as JSON, whatever stands in them", async () => {
    const result = await ask({ answer: 'say "hi"\n' });
    expect(result).toMatchObject({ isError: false, message: "User has answered." });
    expect(JSON.parse(result.output as string)).toEqual({ answers: { "Q?": 'say "hi"\n' } });
  });

  it("takes a dismissal as no error and a client without questions as one", async () => {
    expect((await ask({})).output).toBe('{"answers": {}, "note": "User dismissed the question without answering."}');
    expect(await ask({ supported: false })).toMatchObject({ isError: true });
    expect(await call(askUserQuestion, { questions: [] }, contextOf("/work")).catch((error) => error)).toBeInstanceOf(
      Error,
    );
  });

  it("is listed only to a client that can answer", () => {
    const { services } = setUp();
    expect(askUserQuestion.visible?.(new Set(), services)).toBe(true);
    expect(askUserQuestion.visible?.(new Set(), setUp({ supported: false }).services)).toBe(false);
    expect(askUserQuestion.visible?.(new Set(), NO_SERVICES)).toBe(false);
  });
});

describe("EnterPlanMode", () => {
  const enter = async (setup: Setup) => {
    const { context, done, asked } = setUp(setup);
    return { result: await call(enterPlanMode, {}, context), done, asked };
  };

  it.each<[string | null, string[]]>([
    ["Yes", ["set true"]],
    ["yes", []],
    ["No", []],
    ["Yes, but", []],
    [null, []],
  ])("%j", async (answer, changes) => {
    const { result, done } = await enter({ answer });
    expect(done).toEqual(changes);
    expect(result).toMatchObject({
      isError: false,
      message: changes.length > 0 ? "Plan mode on" : "Plan mode declined",
    });
  });

  it("is an error where it means nothing, and asks nobody when nobody is there", async () => {
    expect((await enter({ active: true, answer: "Yes" })).result.isError).toBe(true);
    expect((await enter({ supported: false, answer: "Yes" })).result.isError).toBe(true);
    expect((await call(enterPlanMode, {}, contextOf("/work"))).isError).toBe(true);
    const away = await enter({ supported: false, unattended: true });
    expect([away.done, away.asked]).toEqual([["set true"], []]);
  });
});

describe("ExitPlanMode", () => {
  const exit = async (setup: Setup, args: unknown = {}) => {
    const { context, done, asked } = setUp({ active: true, ...setup });
    return { result: await call(exitPlanMode, args, context), done, asked };
  };
  const options = [{ label: "Approve" }, { label: "B" }];

  it.each<[string | null, unknown, object, string[]]>([
    ["Approve", {}, { isError: false, message: "Plan approved" }, ["finish"]],
    ["B", { options }, { isError: false, message: "Plan approved: B" }, ["finish"]],
    ["Approve", { options: [] }, { isError: false, message: "Plan approved" }, ["finish"]],
    ["Approve", { options: AB }, { isError: false, message: "Plan not approved yet" }, []],
    ["approve", {}, { isError: false, message: "Plan not approved yet" }, []],
    ["Approve ", {}, { isError: false, message: "Plan not approved yet" }, []],
    ["Reject", {}, { isError: true, rejection: "" }, []],
    [null, {}, { isError: true, rejection: "" }, []],
    ["Reject and Exit", { options: null }, { isError: true, rejection: "" }, ["finish"]],
  ])("%j to %j", async (answer, args, expected, changes) => {
    const { result, done } = await exit({ answer }, args);
    expect(result).toMatchObject(expected);
    expect(done).toEqual(["display # P", ...changes]);
  });

  it.each<Setup>([
    { plan: null },
    { plan: " \n" },
    { plan: new FileProblemError("too_large", "/p") },
    { plan: new FileProblemError("moved", "/p") },
    { active: false },
    { supported: false },
  ])("shows and asks nothing: %j", async (setup) => {
    const { result, done, asked } = await exit({ answer: "Approve", ...setup });
    expect(result).toMatchObject({ isError: true });
    expect(result.rejection).toBeUndefined();
    expect([done, asked]).toEqual([[], []]);
  });

  it("with nobody there it is approved, and shown", async () => {
    const { result, done, asked } = await exit({ supported: false, unattended: true }, { options });
    expect(result).toMatchObject({ isError: false, message: "Plan approved" });
    expect([done, asked]).toEqual([["display # P", "finish"], []]);
  });
});

describe("behind a restart", () => {
  const SHOWN = createHash("sha256").update("# P").digest("hex");
  /** The call was asked about before; `shown` null: nothing was asked. */
  async function again(
    tool: typeof exitPlanMode | typeof enterPlanMode,
    setup: Setup,
    shown: string | null,
    answered = true,
  ) {
    const { context, done, services } = setUp(setup);
    const ids: unknown[] = [];
    const ask = services.questions?.ask.bind(services.questions);
    Object.assign(services.questions ?? {}, {
      ask: (...[id, all, signal, earlier, hash]: Parameters<Questions["ask"]>) => {
        ids.push([earlier?.requestId, hash]);
        return ask?.(id, all, signal);
      },
    });
    const planned = await prepare(tool, {}, context);
    const signal = new AbortController().signal;
    const answer = answered ? { raw: {} } : null;
    const earlier = shown === null ? {} : { earlier: { requestId: "q", answer, shown } };
    const run = { signal, toolCallId: "call", effectId: "effect", ...earlier };
    const result = "isError" in planned ? planned : await planned.execute(run);
    return { result, done, ids };
  }

  it("an approval holds for the plan that was shown, which is not shown again", async () => {
    const active = { active: true, answer: "Approve" };
    const same = await again(exitPlanMode, active, SHOWN);
    expect([same.result.message, same.done]).toEqual(["Plan approved", ["finish"]]);
    const changed = await again(exitPlanMode, active, "of another plan");
    expect([changed.result.isError, changed.done]).toEqual([true, []]);
    expect(changed.result.message).toContain("Show it again");
  });

  it("plan mode that the call had left already is no error", async () => {
    const off = { active: false, answer: "Approve" };
    expect((await again(exitPlanMode, off, SHOWN)).result).toMatchObject({ isError: false, message: "Plan approved" });
    expect((await again(exitPlanMode, off, "of another plan")).result.message).toContain("Ask the user");
    const left = await again(exitPlanMode, { active: false, answer: "Reject and Exit" }, SHOWN);
    expect(left.result.message).toContain("plan mode is off");
    const otherwise = await again(exitPlanMode, { active: false, answer: "Reject" }, SHOWN);
    expect(otherwise.result.message).toContain("not approved");
    expect((await again(exitPlanMode, off, SHOWN, false)).result.message).toBe("Plan mode is not on.");
  });

  it("an open question is asked again under its id for the same plan only; another one is shown", async () => {
    const active = { active: true, answer: "Approve" };
    const same = await again(exitPlanMode, active, SHOWN, false);
    expect([same.ids, same.done]).toEqual([[["q", SHOWN]], ["finish"]]);
    const changed = await again(exitPlanMode, active, "of another plan", false);
    expect([changed.ids, changed.done]).toEqual([[[undefined, SHOWN]], ["display # P", "finish"]]);
  });

  it("plan mode that the call had begun already is no error", async () => {
    const entered = await again(enterPlanMode, { active: true, answer: "Yes" }, "");
    expect([entered.result.message, entered.done]).toEqual(["Plan mode on", ["set true"]]);
    expect((await again(enterPlanMode, { active: true, answer: "Yes" }, null)).result.isError).toBe(true);
  });
});

describe("decided because nobody was there", () => {
  const HASH = createHash("sha256").update("# P").digest("hex");
  /** `decided`: by the same call before a restart. */
  async function decide(tool: typeof exitPlanMode | typeof enterPlanMode, setup: Setup, decided?: string) {
    const { context, done } = setUp(setup);
    const planned = await prepare(tool, {}, context);
    const run = {
      ...{ signal: new AbortController().signal, toolCallId: "call", effectId: "effect" },
      ...(decided === undefined ? {} : { decided }),
      decide: (decision: string) => void done.push(`decide ${decision}`),
    };
    return { result: "isError" in planned ? planned : await planned.execute(run), done };
  }
  const away = { unattended: true, supported: false };

  it("it is recorded before it takes effect, and not when a person is asked", async () => {
    expect((await decide(exitPlanMode, { ...away, active: true })).done).toEqual([
      ...["display # P", `decide ${HASH}`, "finish"],
    ]);
    expect((await decide(enterPlanMode, { ...away, active: false })).done).toEqual(["decide unasked", "set true"]);
    expect((await decide(exitPlanMode, { active: true, answer: "Approve" })).done).toEqual(["display # P", "finish"]);
    expect((await decide(enterPlanMode, { active: false, answer: "Yes" })).done).toEqual(["set true"]);
  });

  it.each([true, false])(
    "behind a restart it holds, plan mode being on: %s; nothing is shown or asked again",
    async (active) => {
      for (const setup of [
        { ...away, active },
        { supported: true, answer: "Reject", active },
      ]) {
        const left = await decide(exitPlanMode, setup, HASH);
        expect([left.result.message, left.done]).toEqual(["Plan approved", ["finish"]]);
        const entered = await decide(enterPlanMode, setup, "unasked");
        expect([entered.result.message, entered.done]).toEqual(["Plan mode on", ["set true"]]);
      }
      const other = await decide(exitPlanMode, { ...away, active }, "of another plan");
      expect([other.result.isError, other.done]).toEqual([true, []]);
      expect(other.result.message).toContain(active ? "Show it again" : "Ask the user");
    },
  );
});

it("the model is told of them in a few words", () => {
  for (const tool of [askUserQuestion, enterPlanMode, exitPlanMode]) {
    expect(tool.description.length).toBeLessThanOrEqual(80);
    expect(JSON.stringify(toolDefinition(tool)).length).toBeLessThan(900);
  }
});
