/** What a model can read: media need a capability, audio and everything else need none. */
import type { ContentPart } from "../messages.js";
import type { Capability, ChatProvider } from "../providers/provider.js";
import { llmNotSupported } from "./turn-error.js";

/** Capabilities that this content needs and the model lacks, in the order of the content. */
export function missingCapabilities(
  content: readonly ContentPart[],
  capabilities: ReadonlySet<Capability>,
): Capability[] {
  const needed = content.map(neededCapability).filter((capability) => capability !== null);
  return [...new Set(needed)].filter((capability) => !capabilities.has(capability));
}

/** Throws KernelError `llm_not_supported` when the model cannot read this content. */
export function requireReadable(content: readonly ContentPart[], provider: ChatProvider): void {
  const missing = missingCapabilities(content, provider.capabilities);
  if (missing.length > 0) throw llmNotSupported(provider.modelName, missing);
}

/** The same content with a note in the place of each part that the model cannot read. */
export function readableContent(content: readonly ContentPart[], capabilities: ReadonlySet<Capability>): ContentPart[] {
  return content.map((part) => {
    const needed = neededCapability(part);
    if (needed === null || capabilities.has(needed)) return part;
    return { type: "text", text: `<system>A part was left out: this model lacks ${needed}.</system>` };
  });
}

function neededCapability(part: ContentPart): Capability | null {
  if (part.type === "image_url") return "image_in";
  return part.type === "video_url" ? "video_in" : null;
}
