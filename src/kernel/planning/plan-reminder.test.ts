import { expect, test } from "vitest";
import type { Message } from "../messages.js";
import { planReminders } from "./plan-reminder.js";

function setUp(supported = true) {
  const plan = {
    ...{ active: true, supported, planFile: "/share/plans/p.md" },
    ...{ set: () => {}, finish: () => {}, read: async () => null, display: () => {} },
  };
  const messages: Message[] = [{ role: "user", content: [{ type: "text", text: "go" }] }];
  /** One step: what is said goes into the conversation. */
  const step = (remind: ReturnType<typeof planReminders>) => {
    const said = remind(messages);
    for (const content of said) messages.push({ role: "user", content });
    return said.map((content) => /Plan mode is (on|off)/.exec(JSON.stringify(content))?.[1]);
  };
  return { plan, messages, step, turn: () => planReminders(plan) };
}

test("on is said once a turn, with the plan file; off once, and never out of the blue", () => {
  const { plan, messages, step, turn } = setUp();
  let remind = turn();
  expect([step(remind), step(remind)]).toEqual([["on"], []]);
  expect(JSON.stringify(messages)).toContain(plan.planFile);
  remind = turn();
  expect([step(remind), step(remind)]).toEqual([["on"], []]);
  plan.active = false;
  remind = turn();
  expect([step(remind), step(remind), step(turn())]).toEqual([["off"], [], []]);
});

test("switching in the middle of a turn is said at its next step", () => {
  const { plan, step, turn } = setUp();
  plan.active = false;
  const remind = turn();
  expect(step(remind)).toEqual([]);
  plan.active = true;
  expect([step(remind), step(remind)]).toEqual([["on"], []]);
  plan.active = false;
  expect(step(remind)).toEqual(["off"]);
  plan.active = true;
  expect(step(remind)).toEqual(["on"]);
});

test("a compaction that took it away makes it be said again", () => {
  const { messages, step, turn } = setUp();
  const remind = turn();
  step(remind);
  messages.splice(0);
  expect([step(remind), step(remind)]).toEqual([["on"], []]);
});

test("a client without plan mode has no ExitPlanMode to be pointed to", () => {
  const { messages, step, turn } = setUp(false);
  step(turn());
  expect(JSON.stringify(messages)).not.toContain("ExitPlanMode");
});
