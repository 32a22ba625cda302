import { describe, expect, test } from "vitest";
import type * as z from "zod/mini";
import { EXTENSION_METHODS, EXTENSIONS, type ExtensionDefinitions } from "../generated/extensions.gen.js";
import { ERRORS, EVENT_TYPES, HOOK_EVENTS, METHODS, REQUEST_TYPES } from "../generated/tables.gen.js";
import type { WireDefinitions } from "../generated/types.gen.js";
import * as requests from "./client-request.js";
import { contentPart, inputContentPart, userInput, userInputEcho } from "./common.js";
import { eventParams, eventPayloads } from "./events.js";
import * as added from "./extensions.js";
import { hookEvent } from "./hook-event.js";
import { initializeParams } from "./lifecycle.js";
import * as results from "./results.js";
import { contractAjv, exampleDefinition, loadExamples, loadWireGen, SPEC_DIR } from "./testing/contract-files.js";
import { mutations } from "./testing/mutations.js";
import { displayBlock, inputDisplayBlock, inputToolReturnValue, toolReturnValue } from "./tool-value.js";
import * as turn from "./turn.js";

type Definitions = WireDefinitions & ExtensionDefinitions;

const VALIDATORS: { [Name in keyof Definitions]?: z.ZodMiniType<Definitions[Name]> } = {
  ...eventPayloads,
  Event: eventParams,
  ServerRequest: requests.requestParams,
  ApprovalRequest: requests.approvalRequest,
  ToolCallRequest: requests.toolCallRequest,
  QuestionRequest: requests.questionRequest,
  HookRequest: requests.hookRequest,
  ApprovalResult: requests.approvalResult,
  ToolCallResult: requests.toolCallResult,
  QuestionResult: requests.questionResult,
  HookResult: requests.hookResult,
  ApprovalDecision: requests.approvalDecision,
  HookAction: requests.hookAction,
  HookEvent: hookEvent,
  InitializeParams: initializeParams,
  PromptParams: turn.promptParams,
  SteerParams: turn.steerParams,
  SetPlanModeParams: turn.setPlanModeParams,
  ReplayParams: turn.replayParams,
  CancelParams: turn.cancelParams,
  InitializeResult: results.initializeResult,
  PromptResult: results.promptResult,
  SteerResult: results.steerResult,
  SetPlanModeResult: results.setPlanModeResult,
  ReplayResult: results.replayResult,
  CancelResult: results.cancelResult,
  InputContentPart: inputContentPart,
  UserInput: userInput,
  UserInputEcho: userInputEcho,
  ContentPart: contentPart,
  DisplayBlock: displayBlock,
  InputDisplayBlock: inputDisplayBlock,
  ToolReturnValue: toolReturnValue,
  InputToolReturnValue: inputToolReturnValue,
  ReplaySince: added.replaySince,
  ClientId: added.clientId,
  ResumeParams: added.resumeParams,
};

const gen = await loadWireGen();
const contract = await gen.readContract(SPEC_DIR);
const extensions = await gen.readExtensions(SPEC_DIR);
const ajv = contractAjv({ ...contract, ...extensions }, [...gen.SCHEMA_FILES, gen.EXTENSIONS_SCHEMA]);
const validators = new Map(Object.entries(VALIDATORS));
const valid = (await loadExamples("valid")).filter((example) => validators.has(exampleDefinition(example)));
const invalid = (await loadExamples("invalid")).filter((example) => validators.has(exampleDefinition(example)));

describe("validators agree with the contract", () => {
  test.each(valid.map((example) => [example.file, example] as const))("%s and its mutations", (_, example) => {
    const validator = validators.get(exampleDefinition(example));
    const disagreements: string[] = [];
    for (const { what, value } of [{ what: "as it is", value: example.value }, ...mutations(example.value)]) {
      const schemaSays = ajv.validate(example.reference, value);
      if (validator?.safeParse(value).success !== schemaSays) disagreements.push(`${what}: schema says ${schemaSays}`);
    }
    expect(disagreements).toEqual([]);
  });

  test.each(invalid.map((example) => [example.file, example] as const))("%s is refused", (_, example) => {
    expect(validators.get(exampleDefinition(example))?.safeParse(example.value).success).toBe(false);
  });

  test("every message that crosses the wire has a validator", () => {
    const references = contract["methods.json"].methods.flatMap(({ params, result }) => [params, result]);
    const needed = references.filter((reference) => reference !== null).map(gen.definitionName);
    const answers = REQUEST_TYPES.map((type) => type.replace(/Request$/, "Result"));
    const perType = [...EVENT_TYPES, ...REQUEST_TYPES, ...answers];
    const union = "ServerRequestResult";
    expect([...needed, ...perType].filter((name) => name !== union && !validators.has(name))).toEqual([]);
  });
});

describe("tables", () => {
  test("hook events stand in the order that clients compare", () => {
    expect(HOOK_EVENTS.join(" ")).toBe(
      "PreToolUse PostToolUse PostToolUseFailure UserPromptSubmit Stop StopFailure SessionStart SessionEnd SubagentStart SubagentStop PreCompact PostCompact Notification",
    );
  });

  test("methods and errors are those of the contract", () => {
    expect(Object.keys(METHODS)).toEqual(contract["methods.json"].methods.map((method) => method.name));
    const rows = contract["errors.json"].errors;
    expect(Object.keys(ERRORS)).toEqual(rows.map((row) => row.code));
    expect(ERRORS.turn_in_progress).toMatchObject({ number: -32000, message: "An agent turn is already in progress" });
  });

  test("names and methods of the extensions are those of their schema", () => {
    const { ExtensionName } = gen.extensionDefinitions(extensions);
    expect(EXTENSIONS).toEqual(ExtensionName?.enum);
    const { methods } = extensions["extension-methods.json"];
    expect(Object.keys(EXTENSION_METHODS)).toEqual(methods.map((method) => method.name));
    expect(methods.filter(({ extension }) => !(EXTENSIONS as readonly string[]).includes(extension))).toEqual([]);
  });
});
