import { describe, expect, test } from "vitest";
import type { ContentPart } from "../messages.js";
import type { Capability } from "../providers/provider.js";
import { FakeProvider } from "../testing/fake-provider.js";
import { missingCapabilities, readableContent, requireReadable } from "./readable-content.js";

const image: ContentPart = { type: "image_url", image_url: { url: "data:,x", id: null } };
const video: ContentPart = { type: "video_url", video_url: { url: "data:,y", id: "v" } };
const audio: ContentPart = { type: "audio_url", audio_url: { url: "data:,z", id: null } };
const text = (value: string): ContentPart => ({ type: "text", text: value });

describe("missing capabilities", () => {
  test.each<[string, ContentPart[], Capability[], Capability[]]>([
    ["text needs nothing", [text("a")], [], []],
    ["audio needs nothing", [audio], [], []],
    ["an image", [image, image], [], ["image_in"]],
    ["a video", [video], ["image_in"], ["video_in"]],
    ["both", [video, image], [], ["video_in", "image_in"]],
    ["none missing", [video, image], ["video_in", "image_in"], []],
  ])("%s", (_name, content, has, missing) => {
    expect(missingCapabilities(content, new Set(has))).toEqual(missing);
  });
});

test("the sentence that clients compare", () => {
  const provider = new FakeProvider();
  expect(() => requireReadable([text("a"), audio], provider)).not.toThrow();
  expect(() => requireReadable([image], provider)).toThrow(
    "LLM model 'fake-model' does not support required capability: image_in.",
  );
  expect(() => requireReadable([video, image], provider)).toThrow(
    "LLM model 'fake-model' does not support required capabilities: video_in, image_in.",
  );
});

test("what cannot be read is replaced in its place", () => {
  const content = [text("a"), image, audio, video];
  expect(readableContent(content, new Set(["video_in"] as const))).toEqual([
    text("a"),
    text("<system>A part was left out: this model lacks image_in.</system>"),
    audio,
    video,
  ]);
});
