/** Content of prompts: what is no content is refused by its id, and the session stays usable. */
import { expect, it } from "vitest";
import { startKernel } from "./kernel-process.js";
import { sessionFolders } from "./session-files.js";
import { runTurn, text, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const textPart = { type: "text", text: "hi" };

const WRONG: readonly (readonly [what: string, params: unknown])[] = [
  ["unknown part type", { user_input: [{ type: "hologram", hologram: { url: "x" } }] }],
  ["unknown part among good ones", { user_input: [textPart, { type: "tool_use" }, textPart] }],
  ["part without a type", { user_input: [{ text: "hi" }] }],
  ["type is no string", { user_input: [{ type: 5 }] }],
  ["type of the prototype", { user_input: [{ type: "__proto__" }] }],
  ["text without text", { user_input: [{ type: "text" }] }],
  ["text is a number", { user_input: [{ type: "text", text: 5 }] }],
  ["image as a string", { user_input: [{ type: "image_url", image_url: "http://x" }] }],
  ["image without url", { user_input: [{ type: "image_url", image_url: {} }] }],
  ["part is a string", { user_input: ["hi"] }],
  ["part is null", { user_input: [null] }],
  ["part is a list", { user_input: [[textPart]] }],
  ["a part that is not in a list", { user_input: textPart }],
  ["number", { user_input: 5 }],
  ["null", { user_input: null }],
  ["boolean", { user_input: true }],
  ["no user_input", {}],
  ["params as a string", "x"],
  ["params as a list", ["x"]],
  ["params null", null],
  ["params missing", undefined],
];

it("B-026 content of a wrong shape is -32602, and the process lives", async () => {
  const workspace = createWorkspace({ scripts: ["text: still here"] });
  const kernel = startKernel(workspace);
  for (const [what, params] of WRONG) {
    const { error } = await kernel.call("prompt", params);
    expect(error, what).toMatchObject({ code: -32602, message: "Invalid parameters for method `prompt`" });
  }
  expect(types(kernel.log)).toEqual([]);
  expect(sessionFolders(workspace)).toEqual([]);
  const turn = await runTurn(kernel, "go");
  expect(turn.response.result).toEqual({ status: "finished" });
  expect(text(turn.messages)).toBe("still here");
});

it("B-027 steer, initialize and set_plan_mode refuse wrong shapes too", async () => {
  const kernel = startKernel(createWorkspace());
  const rows: readonly (readonly [string, unknown])[] = [
    ["steer", { user_input: [{ type: "hologram" }] }],
    ["steer", {}],
    ["initialize", {}],
    ["initialize", undefined],
    ["initialize", { protocol_version: 1 }],
    ["initialize", { protocol_version: "1.10", external_tools: {} }],
    ["initialize", { protocol_version: "1.10", external_tools: [{ name: 5 }] }],
    ["set_plan_mode", { enabled: [] }],
  ];
  for (const [method, params] of rows) {
    const { error } = await kernel.call(method, params);
    expect(error, `${method} ${JSON.stringify(params)}`).toMatchObject({
      code: -32602,
      message: `Invalid parameters for method \`${method}\``,
    });
  }
  expect(await kernel.initialize()).toMatchObject({ result: { protocol_version: "1.10" } });
});

it.each([
  ["the empty string", ""],
  ["the empty list", []],
  ["an empty text part", [{ type: "text", text: "" }]],
])("B-028 %s is accepted and echoed", async (_what, input) => {
  const kernel = startKernel(createWorkspace({ scripts: ["text: answer"] }));
  const turn = await runTurn(kernel, input);
  expect(turn.response.result).toEqual({ status: "finished" });
  expect(turn.messages[0]?.params).toEqual({ type: "TurnBegin", payload: { user_input: input } });
});

it("B-029 a prompt of 1 MiB comes back whole", async () => {
  const kernel = startKernel(createWorkspace({ scripts: ["text: long"] }));
  const input = "0123456789abcdef".repeat(65_536);
  const turn = await runTurn(kernel, input);
  expect(turn.response.result).toEqual({ status: "finished" });
  expect(turn.messages[0]?.params?.payload.user_input).toBe(input);
});
