import { describe, expect, test } from "vitest";
import type { ContentPart } from "../messages.js";
import { inputParts, inputText, normaliseInput } from "./user-input.js";

const image: ContentPart = { type: "image_url", image_url: { url: "data:,x", id: null } };
const video: ContentPart = { type: "video_url", video_url: { url: "data:,y", id: "v" } };
const audio: ContentPart = { type: "audio_url", audio_url: { url: "data:,z", id: null } };
const text = (value: string): ContentPart => ({ type: "text", text: value });

describe("normalised input", () => {
  test.each([
    ["text", "hi", "hi"],
    ["empty text", "", ""],
    ["no parts", [], []],
    ["an image without id", [{ type: "image_url", image_url: { url: "data:,x" } }], [image]],
    ["a video with id", [{ type: "video_url", video_url: { url: "data:,y", id: "v" } }], [video]],
    ["audio with a null id", [{ type: "audio_url", audio_url: { url: "data:,z", id: null } }], [audio]],
    ["thinking", [{ type: "think", think: "t" }], [{ type: "think", think: "t", encrypted: null }]],
    ["sealed thinking", [{ type: "think", think: "", encrypted: "e" }], [{ type: "think", think: "", encrypted: "e" }]],
    ["keys nobody knows", [{ type: "text", text: "a", cache: 1 }], [text("a")]],
  ] as const)("%s", (_name, input, output) => {
    expect(normaliseInput(input)).toEqual(output);
  });
});

test("as message content", () => {
  expect(inputParts("hi")).toEqual([text("hi")]);
  expect(inputParts("")).toEqual([text("")]);
  expect(inputParts([])).toEqual([]);
  expect(inputParts([image])).toEqual([image]);
});

test.each([
  ["  /clear \n", "/clear"],
  [[text(" a"), image, text("b ")], "a b"],
  [[image], ""],
  [[], ""],
])("the text of %j is %j", (input, output) => {
  expect(inputText(input)).toBe(output);
});
