import { expect, test } from "vitest";
import { fakeTool, fakeToolset } from "../testing/fake-tools.js";
import type { EffectClass, GrantSubject, PreparedCall } from "../tools/tool.js";
import type { CallableTool } from "../tools/toolset.js";
import { PlanGuard } from "./plan-guard.js";

const PLAN = "/share/plans/p.md";
const REAL = "/real/share/plans/p.md";

interface Shape {
  effect: EffectClass;
  ask?: boolean;
  subject?: GrantSubject;
  /** Paths that the call will change. */
  writes?: string[];
}

function tool({ effect, ask = false, subject, writes = [] }: Shape): CallableTool {
  const inner = fakeTool("X", { ask, effect });
  return {
    ...inner,
    prepare: async (args, call) => {
      const prepared = (await inner.prepare(args, call)) as PreparedCall;
      const asked = prepared.ask === null || subject === undefined ? prepared.ask : { ...prepared.ask, subject };
      return { ...prepared, ask: asked, after: writes.map((path) => ({ path, sha256: null })) };
    },
  };
}

function guarded(shape: Shape, active: boolean) {
  const plan = { active, planFile: PLAN, realPlanFile: async () => REAL };
  const guard = new PlanGuard(fakeToolset(tool(shape)), plan);
  const prepare = async () => {
    const found = await guard.find("X");
    return await found?.prepare("{}", { toolCallId: "t", signal: new AbortController().signal });
  };
  return { guard, plan, prepare };
}

const run = { signal: new AbortController().signal, toolCallId: "t", effectId: "e" };
const asPrepared = (value: unknown) => value as PreparedCall;
const outside = (path: string): GrantSubject => ({ kind: "read_outside", path });
const EDIT = `Plan mode is active. You may only edit the current plan file: \`${PLAN}\`.`;
const OTHER = "Plan mode is active. `X` may change things, so it does not run while planning.";

test.each<[string, Shape, string]>([
  ["kernel state", { effect: "none" }, "free"],
  ["a read", { effect: "read" }, "free"],
  ["a read that asks", { effect: "read", ask: true, subject: outside("/etc/x") }, "asked"],
  ["a read of the plan", { effect: "read", ask: true, subject: outside(REAL) }, "free"],
  ["an edit of the plan", { effect: "write", ask: true, writes: [REAL] }, "free"],
  ["an edit", { effect: "write", ask: true, writes: ["/work/a"] }, EDIT],
  ["an edit of the plan and more", { effect: "write", ask: true, writes: [REAL, "/work/a"] }, EDIT],
  ["an edit by the unresolved name", { effect: "write", ask: true, writes: [PLAN] }, EDIT],
  ["an edit that does not say of what", { effect: "write", ask: true }, EDIT],
  ["a command", { effect: "exec", ask: true }, "by a person"],
  ["a request", { effect: "net", ask: true }, "by a person"],
  ["a command without a question", { effect: "exec" }, OTHER],
  ["a request without a question", { effect: "net" }, OTHER],
])("while planning: %s", async (_name, shape, expected) => {
  const value = await guarded(shape, true).prepare();
  if (value === undefined || !("execute" in value)) {
    expect(value).toMatchObject({ isError: true, message: expected });
    return;
  }
  const asked = value.ask === null ? "free" : value.ask.byPersonOnly === true ? "by a person" : "asked";
  expect(asked).toBe(expected);
  expect(await value.execute(run)).toMatchObject({ isError: false, output: "ok" });
});

test.each<Shape>([
  { effect: "write", ask: true, writes: ["/work/a"] },
  { effect: "exec", ask: true },
  { effect: "exec" },
  { effect: "net", ask: true },
])("a call that was planned before plan mode began does not act in it: %j", async (shape) => {
  const { plan, prepare } = guarded(shape, false);
  const prepared = asPrepared(await prepare());
  expect(prepared.ask?.byPersonOnly).toBeUndefined();
  expect(await prepared.execute(run)).toMatchObject({ isError: false });
  plan.active = true;
  expect(await prepared.execute(run)).toMatchObject({ isError: true });
});

test("what was planned in it acts when it has ended", async () => {
  const { plan, prepare } = guarded({ effect: "exec", ask: true }, true);
  const prepared = asPrepared(await prepare());
  plan.active = false;
  expect(await prepared.execute(run)).toMatchObject({ isError: false });
});

test("without plan mode the plan file is a file like others, but may be read", async () => {
  const write = await guarded({ effect: "write", ask: true, writes: [REAL] }, false).prepare();
  expect(asPrepared(write).ask).not.toBeNull();
  const read = await guarded({ effect: "read", ask: true, subject: outside(REAL) }, false).prepare();
  expect(asPrepared(read).ask).toBeNull();
});

test("the list of tools and unknown names pass through", async () => {
  const { guard } = guarded({ effect: "exec" }, true);
  expect((await guard.definitions()).map(({ name }) => name)).toEqual(["X"]);
  expect(await guard.find("Y")).toBeNull();
});
