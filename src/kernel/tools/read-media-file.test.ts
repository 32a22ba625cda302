import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Capability } from "../providers/provider.js";
import { readMediaFile } from "./read-media-file.js";
import { call, contextOf, prepared, temporaryFolders } from "./testing/call-tool.js";
import { NO_SERVICES } from "./tool.js";

const folder = temporaryFolders();
let work: string;
beforeEach(async () => {
  work = await folder("media");
});
const seeing = (...capabilities: Capability[]) => contextOf(work, { capabilities: new Set(capabilities) });
const file = (name: string, head: string) => writeFile(join(work, name), Buffer.from(head.padEnd(70, "\0"), "latin1"));

describe("ReadMediaFile", () => {
  it.each([
    ["\x89PNG\r\n\x1a\n", "image/png"],
    ["\xff\xd8\xff\xe0", "image/jpeg"],
    ["GIF89a", "image/gif"],
    ["RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp"],
    ["BM\x46\0\0\0\0\0\0\0", "image/bmp"],
    ["\0\0\0\x1cftypavif", "image/avif"],
    ["\0\0\0\x18ftypheic", "image/heic"],
  ])("gives %j as an image, whatever its name says", async (head, type) => {
    await file("thing.mp4", head);
    const result = await call(readMediaFile, { path: "thing.mp4" }, seeing("image_in"));
    const data = Buffer.from(head.padEnd(70, "\0"), "latin1").toString("base64");
    expect(result).toEqual({
      isError: false,
      output: [{ type: "image_url", image_url: { url: `data:${type};base64,${data}`, id: null } }],
      message: `Loaded image file \`thing.mp4\` (${type}, 70 bytes).`,
      display: [],
    });
  });

  it.each([
    ["\0\0\0\x18ftypisom", "video/mp4"],
    ["\0\0\0\x14ftypqt  ", "video/quicktime"],
    ["\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webm", "video/webm"],
    ["RIFF\x01\x02\x03\x04AVI LIST", "video/x-msvideo"],
  ])("gives %j as a video", async (head, type) => {
    await file("v", head);
    const { output } = await call(readMediaFile, { path: "v" }, seeing("video_in"));
    expect(output).toMatchObject([{ type: "video_url", video_url: { url: expect.stringContaining(`data:${type};`) } }]);
  });

  it("is visible only to models that see, and says so to others", async () => {
    expect(readMediaFile.visible?.(new Set(), NO_SERVICES)).toBe(false);
    expect(readMediaFile.visible?.(new Set(["image_in"]), NO_SERVICES)).toBe(true);
    expect(readMediaFile.visible?.(new Set(["video_in"]), NO_SERVICES)).toBe(true);
    await file("p", "\x89PNG\r\n\x1a\n");
    expect(await call(readMediaFile, { path: "p" }, seeing("thinking"))).toMatchObject({
      isError: true,
      message: "The current model cannot take images or videos as input.",
    });
    expect((await call(readMediaFile, { path: "p" }, seeing("video_in"))).message).toBe(
      "The current model cannot take images as input.",
    );
  });

  it("refuses text, empty and too large files, and asks outside", async () => {
    await writeFile(join(work, "t"), "text");
    await writeFile(join(work, "e"), "");
    await file("big", "\x89PNG\r\n\x1a\n");
    await truncate(join(work, "big"), 20_000_001);
    for (const path of ["t", "e"]) {
      expect((await call(readMediaFile, { path }, seeing("image_in"))).message).toContain(
        "neither an image nor a video",
      );
    }
    expect(await call(readMediaFile, { path: "big" }, seeing("image_in"))).toMatchObject({
      isError: true,
      message: "`big` has 20000001 bytes; at most 20000000 can be read.",
    });
    const outside = await folder("outside");
    await writeFile(join(outside, "o.png"), "x");
    const planned = await prepared(readMediaFile, { path: join(outside, "o.png") }, seeing("image_in"));
    expect(planned.ask?.action).toBe("read file outside of working directory");
  });
});
