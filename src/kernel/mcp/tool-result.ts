/** What an MCP server answered, as the result of a tool: bounded, in the parts that messages have. */
import * as z from "zod/mini";
import type { ContentPart } from "../messages.js";
import type { ToolReturn } from "../tools/tool.js";

const MAX_TEXT_CHARS = 100_000;
const MAX_MEDIA_CHARS = 10 * 1024 * 1024;
const ERROR_MESSAGE = "Tool returned an error. The output may be error message or incomplete output";
const CUT_MESSAGE = "Output is truncated to fit in the message.";

/** Only what is read; servers are laxer than the specification. */
export const callResult = z.looseObject({
  content: z.optional(z.nullable(z.array(z.looseObject({ type: z.string() })))),
  structuredContent: z.optional(z.unknown()),
  isError: z.optional(z.nullable(z.boolean())),
});

export type CallResult = z.output<typeof callResult>;
type Block = Readonly<Record<string, unknown>>;

/** Gives the result with at most 100,000 characters of text and 10 MiB of media. */
export function toolResult(result: CallResult): ToolReturn {
  const parts = (result.content ?? []).flatMap((block) => partOf(block) ?? []);
  if (parts.length === 0 && result.structuredContent !== undefined) {
    parts.push({ type: "text", text: JSON.stringify(result.structuredContent) });
  }
  const isError = result.isError === true;
  return bounded(parts, isError ? ERROR_MESSAGE : "", isError);
}

function partOf(block: Block): ContentPart | null {
  switch (block.type) {
    case "text":
      return typeof block.text === "string" ? { type: "text", text: block.text } : null;
    case "image":
    case "audio":
      return mediaPart(block.data, block.mimeType);
    case "resource_link":
      return { type: "text", text: `[resource ${String(block.name ?? "")} ${String(block.uri ?? "")}]` };
    case "resource":
      return resourcePart(block.resource);
    default:
      return { type: "text", text: `[content of type ${String(block.type)} left out]` };
  }
}

function resourcePart(resource: unknown): ContentPart | null {
  if (typeof resource !== "object" || resource === null) return null;
  const { text, blob, mimeType, uri } = resource as Block;
  if (typeof text === "string") return { type: "text", text };
  return mediaPart(blob, mimeType) ?? { type: "text", text: `[resource ${String(uri ?? "")} left out]` };
}

function mediaPart(data: unknown, mimeType: unknown): ContentPart | null {
  if (typeof data !== "string" || typeof mimeType !== "string") return null;
  if (!/^[\w.+-]+\/[\w.+-]+$/.test(mimeType)) return null;
  const media = { url: `data:${mimeType};base64,${data}`, id: null };
  if (mimeType.startsWith("image/")) return { type: "image_url", image_url: media };
  if (mimeType.startsWith("audio/")) return { type: "audio_url", audio_url: media };
  if (mimeType.startsWith("video/")) return { type: "video_url", video_url: media };
  return null;
}

function bounded(parts: readonly ContentPart[], message: string, isError: boolean): ToolReturn {
  const output: ContentPart[] = [];
  let text = MAX_TEXT_CHARS;
  let media = MAX_MEDIA_CHARS;
  let cut = false;
  for (const part of parts) {
    if (part.type === "text") {
      const kept = part.text.length <= text ? part.text : part.text.slice(0, text).replace(/[\uD800-\uDBFF]$/, "");
      text -= kept.length;
      cut ||= kept.length < part.text.length;
      if (kept !== "" || part.text === "") output.push({ type: "text", text: kept });
      continue;
    }
    const size = JSON.stringify(part).length;
    if (size <= media) {
      media -= size;
      output.push(part);
    } else cut = true;
  }
  const said = [message, cut ? CUT_MESSAGE : ""].filter((sentence) => sentence !== "").join(" ");
  return { isError, output, message: said, display: [] };
}
