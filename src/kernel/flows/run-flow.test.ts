import { describe, expect, test } from "vitest";
import { parseFlow } from "./parse-flow.js";
import { ralphFlow, ralphMoves } from "./ralph.js";
import { chosenEdge, type InnerTurn, runFlow } from "./run-flow.js";

const flow = (diagram: string) => parseFlow(`\`\`\`mermaid\ngraph\n${diagram}\n\`\`\`\n`);
const LOOP = flow("BEGIN --> a\na -->|on| a\na -->|off| END");

/** Answers each inner turn in order; the last answer goes on for ever. */
function model(...replies: (string | Partial<InnerTurn>)[]) {
  const asked: unknown[] = [];
  const turn = async (input: unknown): Promise<InnerTurn> => {
    const reply = replies[Math.min(asked.push(input), replies.length) - 1] ?? "";
    const base = { result: { status: "finished" as const }, steps: 2, reply: "" };
    return typeof reply === "string" ? { ...base, reply } : { ...base, ...reply };
  };
  return { asked, turn };
}

test("walks from BEGIN to END; the request goes to the first node only", async () => {
  const { asked, turn } = model("x");
  expect(await runFlow({ flow: flow("BEGIN --> a[A] --> b[B] --> END"), request: "please", turn })).toEqual({
    status: "finished",
  });
  expect(asked).toEqual(["A\n\nUser request:\nplease", "B"]);
});

test("an empty flow asks nothing; a node without an arrow ends the flow", async () => {
  const nothing = model();
  expect(await runFlow({ flow: flow("BEGIN --> END"), request: "", turn: nothing.turn })).toEqual({
    status: "finished",
  });
  expect(nothing.asked).toEqual([]);
  const { asked, turn } = model("<choice>stuck</choice>");
  const forked = flow("BEGIN --> a\na -->|stuck| b\na -->|x| END");
  expect(await runFlow({ flow: forked, request: "", turn })).toEqual({ status: "finished" });
  expect(asked.length).toBe(2);
});

test("an invalid choice is asked again with a correction behind the same prompt", async () => {
  const { asked, turn } = model("none", "<choice>OFF</choice>", "<choice>off</choice>");
  await runFlow({ flow: LOOP, request: "", turn });
  expect(asked[0]).toBe("a\n\nAvailable branches:\n- on\n- off\n\nReply with a choice using <choice>...</choice>.");
  expect(asked[1]).toMatch(/^a\n\nAvailable[\s\S]*<\/choice>\.\n\n.*<choice>\.\.\.<\/choice>\.$/);
  expect(asked[2]).toBe(asked[1]);
});

test("1000 moves, or 1000 answers without a choice, are the end, with all steps counted", async () => {
  const endless = model("<choice>on</choice>");
  expect(await runFlow({ flow: LOOP, request: "", turn: endless.turn })).toEqual({
    status: "max_steps_reached",
    steps: 2000,
  });
  const undecided = model("well");
  expect(await runFlow({ flow: LOOP, request: "", turn: undecided.turn })).toMatchObject({ steps: 2000 });
});

test("a rejection, a limit, an error end the flow as they are", async () => {
  const run = (reply: Partial<InnerTurn>) => runFlow({ flow: LOOP, request: "", turn: model(reply).turn });
  expect(await run({ reply: null })).toEqual({ status: "finished" });
  const limit = { status: "max_steps_reached" as const, steps: 3 };
  expect(await run({ result: limit, reply: null })).toEqual(limit);
  await expect(runFlow({ flow: LOOP, request: "", turn: () => Promise.reject(new Error("no")) })).rejects.toThrow("no");
});

describe("the choice", () => {
  const edges = [
    { to: "a", label: "yes" },
    { to: "b", label: "no way" },
  ];
  test.each([
    ["<choice>yes</choice>", "a"],
    ["first <choice>yes</choice> then <choice> no way </choice>.", "b"],
    ["<choice>\nyes\n</choice>", "a"],
    ["<choice>YES</choice>", null],
    ["<choice>yes</choice><choice>neither</choice>", null],
    ["yes", null],
  ])("%j", (reply, to) => {
    expect(chosenEdge(edges, reply)?.to ?? null).toBe(to);
  });
});

test("the Ralph loop: the prompt as it is, then the choice between going on and stopping", async () => {
  const { asked, turn } = model("x", "<choice>CONTINUE</choice>", "<choice>STOP</choice>");
  const image = { type: "image_url" as const, image_url: { url: "data:,x", id: null } };
  const input = [{ type: "text" as const, text: "task" }, image];
  expect(await runFlow({ flow: ralphFlow(input), request: "", maxMoves: ralphMoves(-1), turn })).toEqual({
    status: "finished",
  });
  expect(asked[0]).toEqual(input);
  expect(asked[1]).toMatch(/^task\. .*\n\nAvailable branches:\n- CONTINUE\n- STOP\n/);
  expect([ralphMoves(0), ralphMoves(3), ralphMoves(-1)]).toEqual([1, 4, Number.POSITIVE_INFINITY]);
});

test("a flow tells of each move, and goes on at a node of an earlier process", async () => {
  const moves: unknown[] = [];
  const onMove = (node: string, behind: number) => void moves.push([node, behind]);
  const whole = flow("BEGIN --> a[A] --> b[B] --> c[C] --> END");
  await runFlow({ flow: whole, request: "please", turn: model("x").turn, onMove });
  expect(moves.splice(0)).toEqual([
    ["a", 0],
    ["b", 1],
    ["c", 2],
  ]);
  const { asked, turn } = model("x");
  await runFlow({ flow: whole, request: "please", turn, onMove, from: { node: "b", moves: 1 } });
  expect([asked, moves]).toEqual([["B", "C"], [["c", 2]]]);
  expect(
    await runFlow({
      flow: LOOP,
      request: "",
      maxMoves: 3,
      turn: model("<choice>on</choice>").turn,
      from: { node: "a", moves: 2 },
    }),
  ).toMatchObject({ status: "max_steps_reached" });
});
