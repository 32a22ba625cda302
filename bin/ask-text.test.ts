import { describe, expect, it } from "vitest";
import type { ApprovalRequest, Question } from "../src/wire/generated/types.gen.js";
import { allowPrompt, approvalAnswer, approvalText, chosen, isMissingGrant, questionText } from "./ask-text.js";

const request: ApprovalRequest = {
  id: "r",
  tool_call_id: "t",
  sender: "Shell",
  action: "run command",
  description: "Run command `x\u200by`",
  source_kind: "foreground_turn",
  source_id: "s",
  agent_id: null,
  subagent_type: null,
  source_description: null,
  display: [{ type: "shell", language: "bash", command: "x\u200by" }],
};

describe("approvals", () => {
  it("show what hides, who asks on whose behalf, and what a file becomes", () => {
    expect(approvalText(request)).toBe("? Shell asks: run command\n  Run command `x\\u{200b}y`");
    const diff = {
      type: "diff",
      path: "/f",
      old_text: "a",
      new_text: "b",
      old_start: 1,
      new_start: 1,
      is_summary: false,
    };
    const edit = {
      ...request,
      subagent_type: "coder",
      description: "Edit",
      display: [diff as (typeof request.display)[0]],
    };
    expect(approvalText(edit)).toContain("  on behalf of the subagent coder\n  /f:1\n    - a\n    + b");
  });

  const grant = { kind: "command", text: "commands that begin with `npm test`" };
  it.each([
    ["y", grant, { response: "approve" }],
    [" YES ", null, { response: "approve" }],
    ["a", grant, { response: "approve_for_session" }],
    ["always", undefined, { response: "approve_for_session" }],
    ["a", null, { response: "reject", feedback: "a" }],
    ["n", grant, { response: "reject", feedback: "" }],
    ["", grant, { response: "reject", feedback: "" }],
    [null, grant, { response: "reject", feedback: "" }],
    ["no, use make", grant, { response: "reject", feedback: "use make" }],
    ["never", grant, { response: "reject", feedback: "never" }],
    ["yes please", grant, { response: "reject", feedback: "yes please" }],
  ])("%j with the grant %j", (line, proposal, answer) => {
    expect(approvalAnswer(line, proposal)).toEqual(answer);
  });

  it("know a slip: always, where it is not offered", () => {
    expect(["a", " Always "].map((line) => isMissingGrant(line, null))).toEqual([true, true]);
    expect(["y", "", null, "another way"].some((line) => isMissingGrant(line, null))).toBe(false);
    expect([grant, undefined].some((proposal) => isMissingGrant("a", proposal))).toBe(false);
  });

  it("name the grant, and offer none where there is none", () => {
    expect(allowPrompt(grant)).toContain(`a = always in this session (${grant.text})`);
    expect(allowPrompt(undefined)).toContain("a = always in this session (like actions)");
    expect(allowPrompt(null)).not.toContain("always");
  });
});

describe("questions", () => {
  const options = [
    { label: "Red", description: "warm" },
    { label: "Blue", description: "" },
  ];
  const question: Question = {
    question: "Which?",
    header: "Color",
    options,
    multi_select: false,
    body: "Think.",
    other_label: "",
    other_description: "",
  };

  it("show their options with numbers", () => {
    expect(questionText(question)).toBe("? [Color] Which?\n  Think.\n  1. Red: warm\n  2. Blue");
  });

  it.each([
    ["2", false, "Blue"],
    ["3", false, "3"],
    ["0", false, "0"],
    ["1, 2", true, "Red, Blue"],
    ["1 2", true, "Red, Blue"],
    ["1, green", true, "1, green"],
    ["1, 2", false, "1, 2"],
    ["green", false, "green"],
    ["  ", false, null],
    [null, false, null],
  ])("%j, several: %j", (line, multiple, answer) => {
    expect(chosen(line, { ...question, multi_select: multiple })).toBe(answer);
  });
});
