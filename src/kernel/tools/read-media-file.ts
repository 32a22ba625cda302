import * as z from "zod/mini";
import { MEDIA_HEAD_BYTES, mediaType } from "./support/media-type.js";
import { planRead } from "./support/readable-target.js";
import { visibleText } from "./support/visible-text.js";
import { defineTool, type ToolContext, toolError, toolOk } from "./tool.js";

/** 20 MB; a data URL is a third longer. */
const MAX_BYTES = 20_000_000;

const canSee = (capabilities: ToolContext["capabilities"]) =>
  capabilities.has("image_in") || capabilities.has("video_in");

/** Gives an image or video to a model that can see it; asks for files outside of the workspace. */
export const readMediaFile = defineTool({
  name: "ReadMediaFile",
  description: "Look at an image or video file.",
  parameters: z.object({ path: z.string() }),
  listed: ["path"],
  visible: canSee,
  async prepare(args, context) {
    if (!canSee(context.capabilities)) return unseen("images or videos");
    return planRead(args.path, context, async (file, signal) => {
      const shown = `\`${visibleText(args.path)}\``;
      const head = await file.read(Buffer.alloc(MEDIA_HEAD_BYTES), 0, MEDIA_HEAD_BYTES, 0);
      const type = mediaType(head.buffer.subarray(0, head.bytesRead));
      if (type === null)
        return toolError(`${shown} is neither an image nor a video. Use ReadFile for text.`, "Not media");
      const isImage = type.startsWith("image/");
      if (!context.capabilities.has(isImage ? "image_in" : "video_in")) return unseen(isImage ? "images" : "videos");
      const { size } = await file.stat();
      if (size > MAX_BYTES) {
        return toolError(`${shown} has ${size} bytes; at most ${MAX_BYTES} can be read.`, "File too large");
      }
      signal.throwIfAborted();
      // Read to the size that was checked, so that a growing file stays within the limit.
      const content = Buffer.alloc(size);
      const length = await fill(content, (offset) => file.read(content, offset, size - offset, offset));
      const media = { url: `data:${type};base64,${content.toString("base64", 0, length)}`, id: null };
      const message = `Loaded ${isImage ? "image" : "video"} file ${shown} (${type}, ${length} bytes).`;
      return toolOk(
        [isImage ? { type: "image_url", image_url: media } : { type: "video_url", video_url: media }],
        message,
      );
    });
  },
});

function unseen(what: string) {
  return toolError(`The current model cannot take ${what} as input.`, "Unsupported input");
}

async function fill(content: Buffer, read: (offset: number) => Promise<{ bytesRead: number }>): Promise<number> {
  let offset = 0;
  while (offset < content.length) {
    const { bytesRead } = await read(offset);
    if (bytesRead === 0) break;
    offset += bytesRead;
  }
  return offset;
}
