/** What a client may send as a prompt, brought into the kernel's own shape. */
import type { ContentPart } from "../messages.js";

interface InboundMedia {
  url: string;
  id?: string | null | undefined;
}

/** A content part as a client may send it: optional fields may be missing. */
export type InboundPart =
  | { type: "text"; text: string }
  | { type: "think"; think: string; encrypted?: string | null | undefined }
  | { type: "image_url"; image_url: InboundMedia }
  | { type: "audio_url"; audio_url: InboundMedia }
  | { type: "video_url"; video_url: InboundMedia };

export type InboundInput = string | readonly InboundPart[];

/** The input with every optional field spelled out, as TurnBegin and SteerInput echo it. */
export function normaliseInput(input: InboundInput): string | ContentPart[] {
  return typeof input === "string" ? input : normaliseParts(input);
}

/** Content parts with every optional field spelled out. */
export function normaliseParts(parts: readonly InboundPart[]): ContentPart[] {
  return parts.map(normalisePart);
}

function normalisePart(part: InboundPart): ContentPart {
  switch (part.type) {
    case "text":
      return { type: "text", text: part.text };
    case "think":
      return { type: "think", think: part.think, encrypted: part.encrypted ?? null };
    case "image_url":
      return { type: "image_url", image_url: { url: part.image_url.url, id: part.image_url.id ?? null } };
    case "audio_url":
      return { type: "audio_url", audio_url: { url: part.audio_url.url, id: part.audio_url.id ?? null } };
    case "video_url":
      return { type: "video_url", video_url: { url: part.video_url.url, id: part.video_url.id ?? null } };
  }
}

/** The input as message content. */
export function inputParts(input: string | readonly ContentPart[]): ContentPart[] {
  return typeof input === "string" ? [{ type: "text", text: input }] : [...input];
}

/** All text of the input, parts joined by a space, trimmed; what slash detection and titles look at. */
export function inputText(input: string | readonly ContentPart[]): string {
  if (typeof input === "string") return input.trim();
  return input
    .flatMap((part) => (part.type === "text" ? [part.text] : []))
    .join(" ")
    .trim();
}
