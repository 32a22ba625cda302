/** The size of pictures and other media inside a message. What a link leads to is not looked at. */
import { KernelError } from "../errors.js";
import type { InboundInput } from "./user-input.js";

/** 20 MB of content, which as base64 is a third longer. */
export const MAX_MEDIA_BYTES = 20_000_000;

/** Throws KernelError `media_too_large` with one sentence for the first part above the limit. */
export function requireMediaSize(input: InboundInput): void {
  if (typeof input === "string") return;
  for (const part of input) {
    const bytes = contentBytes(urlOf(part));
    if (bytes <= MAX_MEDIA_BYTES) continue;
    const what = part.type.replace("_url", "");
    const size = (bytes / 1e6).toFixed(1);
    throw new KernelError(
      "media_too_large",
      `The ${what} has ${size} MB; at most ${MAX_MEDIA_BYTES / 1e6} MB can be sent.`,
      { data: { bytes, limit: MAX_MEDIA_BYTES } },
    );
  }
}

function urlOf(part: Exclude<InboundInput, string>[number]): string {
  if (part.type === "image_url") return part.image_url.url;
  if (part.type === "audio_url") return part.audio_url.url;
  return part.type === "video_url" ? part.video_url.url : "";
}

/** Bytes of the content of a data URL; 0 for other URLs. */
function contentBytes(url: string): number {
  if (!/^data:/i.test(url)) return 0;
  const comma = url.indexOf(",");
  const length = url.length - comma - 1;
  if (!/;base64$/i.test(url.slice(0, comma).trimEnd())) return length;
  return Math.floor((length * 3) / 4) - (url.endsWith("==") ? 2 : Number(url.endsWith("=")));
}
