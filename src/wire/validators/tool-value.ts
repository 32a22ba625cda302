/** What tools give back and what a UI may show of it, from the client's tools and from the kernel's. */
import * as z from "zod/mini";
import type {
  BackgroundTaskBlock,
  BriefBlock,
  DiffBlock,
  DisplayBlock,
  InputDiffBlock,
  InputDisplayBlock,
  InputToolReturnValue,
  InputUnknownDisplayBlock,
  ShellBlock,
  TodoBlock,
  TodoItem,
  ToolReturnValue,
  UnknownDisplayBlock,
} from "../generated/types.gen.js";
import { pin } from "../pin.js";
import { contentPart, inputContentPart } from "./common.js";

const KNOWN_BLOCKS: ReadonlySet<string> = new Set(["brief", "diff", "todo", "shell", "background_task"]);
const unknownBlockType = z.string().check(z.refine((type) => !KNOWN_BLOCKS.has(type)));
const openObject = z.record(z.string(), z.unknown());

const briefBlock = pin<BriefBlock>()(z.object({ type: z.literal("brief"), text: z.string() }));
const todoItem = pin<TodoItem>()(z.object({ title: z.string(), status: z.enum(["pending", "in_progress", "done"]) }));
const todoBlock = pin<TodoBlock>()(z.object({ type: z.literal("todo"), items: z.array(todoItem) }));
const shellBlock = pin<ShellBlock>()(z.object({ type: z.literal("shell"), language: z.string(), command: z.string() }));
const backgroundTaskBlock = pin<BackgroundTaskBlock>()(
  z.object({
    type: z.literal("background_task"),
    task_id: z.string(),
    kind: z.string(),
    status: z.string(),
    description: z.string(),
  }),
);
const diffBlock = pin<DiffBlock>()(
  z.object({
    type: z.literal("diff"),
    path: z.string(),
    old_text: z.string(),
    new_text: z.string(),
    old_start: z.int(),
    new_start: z.int(),
    is_summary: z.boolean(),
  }),
);
const inputDiffBlock = pin<InputDiffBlock>()(
  z.object({
    type: z.literal("diff"),
    path: z.string(),
    old_text: z.string(),
    new_text: z.string(),
    old_start: z.exactOptional(z.int()),
    new_start: z.exactOptional(z.int()),
    is_summary: z.exactOptional(z.boolean()),
  }),
);
const unknownBlock = pin<UnknownDisplayBlock>()(z.object({ type: unknownBlockType, data: openObject }));
const inputUnknownBlock = pin<InputUnknownDisplayBlock>()(z.looseObject({ type: unknownBlockType }));

/** A block from a kernel; one of an unknown type keeps its keys in `data`. */
export const displayBlock = pin<DisplayBlock>()(
  z.union([
    z.discriminatedUnion("type", [briefBlock, diffBlock, todoBlock, shellBlock, backgroundTaskBlock]),
    unknownBlock,
  ]),
);

/** A block from a client's tool; one of an unknown type keeps all its keys, a known one must be well formed. */
export const inputDisplayBlock = pin<InputDisplayBlock>()(
  z.union([
    z.discriminatedUnion("type", [briefBlock, inputDiffBlock, todoBlock, shellBlock, backgroundTaskBlock]),
    inputUnknownBlock,
  ]),
);

/** A tool's outcome as a kernel sends it. */
export const toolReturnValue = pin<ToolReturnValue>()(
  z.object({
    is_error: z.boolean(),
    output: z.union([z.string(), z.array(contentPart)]),
    message: z.string(),
    display: z.array(displayBlock),
    extras: z.nullable(openObject),
  }),
);

/** A tool's outcome as a client sends it; `extras` may be missing. */
export const inputToolReturnValue = pin<InputToolReturnValue>()(
  z.object({
    is_error: z.boolean(),
    output: z.union([z.string(), z.array(inputContentPart)]),
    message: z.string(),
    display: z.array(inputDisplayBlock),
    extras: z.exactOptional(z.nullable(openObject)),
  }),
);
