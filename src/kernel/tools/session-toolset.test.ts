import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Capability } from "../providers/provider.js";
import { ExternalTools } from "./external-tool.js";
import { BUILTIN_TOOL_NAMES, DEFAULT_TOOL_NAMES } from "./registry.js";
import type { PlanMode } from "./services/plan-mode.js";
import type { Questions } from "./services/questions.js";
import { SessionToolset } from "./session-toolset.js";
import { contextOf, temporaryFolders } from "./testing/call-tool.js";
import { NO_SERVICES, type ToolServices, toolOk } from "./tool.js";

const folder = temporaryFolders();
/** Listed only to a client that can show what they ask. */
const ASKING = ["AskUserQuestion", "ExitPlanMode", "EnterPlanMode"];
const SEEING = DEFAULT_TOOL_NAMES.filter((name) => !ASKING.includes(name));
const BUILTIN = SEEING.filter((name) => name !== "ReadMediaFile");

async function setUp(...capabilities: Capability[]) {
  const external = new ExternalTools(BUILTIN_TOOL_NAMES, async () => toolOk(""));
  const workDir = await folder();
  const toolset = new SessionToolset(contextOf(workDir, { capabilities: new Set(capabilities) }), external);
  const names = async () => (await toolset.definitions()).map(({ name }) => name);
  return { external, toolset, workDir, names };
}

const CALL = { toolCallId: "t", signal: new AbortController().signal };

describe("what is listed", () => {
  test("the loadout in its order; media only for models that can", async () => {
    expect(await (await setUp()).names()).toEqual(BUILTIN);
    expect(await (await setUp("image_in")).names()).toEqual(SEEING);
    expect(BUILTIN).toContain("Shell");
  });

  test("what the client can show counts as it is at the moment", async () => {
    const services: ToolServices = { ...NO_SERVICES, questions: { supported: true } as Questions };
    const context = contextOf(await folder(), { services, capabilities: new Set(["image_in"]) });
    const toolset = new SessionToolset(context, new ExternalTools(BUILTIN_TOOL_NAMES, async () => toolOk("")));
    const names = async () => (await toolset.definitions()).map(({ name }) => name);
    expect(await names()).toEqual(DEFAULT_TOOL_NAMES.filter((name) => !/PlanMode$/.test(name)));
    services.planMode = { supported: true } as PlanMode;
    expect(await names()).toEqual(DEFAULT_TOOL_NAMES);
    services.questions = { supported: false } as Questions;
    expect(await names()).toEqual(DEFAULT_TOOL_NAMES.filter((name) => name !== "AskUserQuestion"));
  });

  test("the client's tools come behind, whenever they are offered", async () => {
    const { external, names, toolset } = await setUp();
    const before = await toolset.definitions();
    await external.register([{ name: "ext", description: "d", parameters: { type: "object" } }]);
    expect(await names()).toEqual([...BUILTIN, "ext"]);
    expect((await toolset.definitions()).slice(0, -1)).toEqual(before);
  });
});

describe("what is found", () => {
  test("listed and unlisted tools, the client's, and nothing else", async () => {
    const { external, toolset } = await setUp();
    await external.register([{ name: "ext", description: "d", parameters: { type: "object" } }]);
    for (const name of ["Shell", "ReadMediaFile", "Think", "ext"]) expect((await toolset.find(name))?.name).toBe(name);
    for (const name of ["shell", "SearchWeb", "toString", ""]) expect(await toolset.find(name)).toBeNull();
  });

  test("arguments are checked before the tool sees them", async () => {
    const { toolset } = await setUp();
    const shell = await toolset.find("Shell");
    expect(await shell?.prepare("{", CALL)).toMatchObject({ isError: true, display: [{ text: "Invalid arguments" }] });
    expect(await shell?.prepare(null, CALL)).toMatchObject({ isError: true });
    expect(await shell?.prepare('{"command":"ls"}', CALL)).toMatchObject({ ask: { action: "run command" } });
  });

  test("two ways to name a file are one key; bad arguments and other tools have none", async () => {
    const { toolset, workDir } = await setUp();
    const [write, replace, shell] = await Promise.all(
      ["WriteFile", "StrReplaceFile", "Shell"].map((n) => toolset.find(n)),
    );
    const path = join(workDir, "a.txt");
    const edit = { old: "x", new: "y" };
    expect(write?.exclusiveKey(JSON.stringify({ path: "./b/../a.txt", content: "" }))).toBe(path);
    expect(replace?.exclusiveKey(JSON.stringify({ path, edit }))).toBe(path);
    expect(write?.exclusiveKey("{")).toBeNull();
    expect(shell?.exclusiveKey('{"command":"ls"}')).toBeNull();
  });
});
