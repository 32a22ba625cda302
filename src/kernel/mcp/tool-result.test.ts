import { describe, expect, it } from "vitest";
import { toolResult } from "./tool-result.js";

const text = (value: string) => ({ type: "text", text: value });

describe("toolResult", () => {
  it("gives the parts of a success with an empty message", () => {
    expect(toolResult({ content: [text("a"), text("b")] })).toEqual({
      isError: false,
      output: [text("a"), text("b")],
      message: "",
      display: [],
    });
  });

  it("marks an error as the published text has it", () => {
    expect(toolResult({ content: [text("boom")], isError: true })).toEqual({
      isError: true,
      output: [text("boom")],
      message: "Tool returned an error. The output may be error message or incomplete output",
      display: [],
    });
  });

  it("turns media, resources and links into parts", () => {
    const { output } = toolResult({
      content: [
        { type: "image", data: "AA==", mimeType: "image/png" },
        { type: "audio", data: "BB==", mimeType: "audio/wav" },
        { type: "resource", resource: { uri: "x:1", text: "inside" } },
        { type: "resource", resource: { uri: "x:2", blob: "CC==", mimeType: "image/gif" } },
        { type: "resource", resource: { uri: "x:3", blob: "DD==", mimeType: "application/zip" } },
        { type: "resource_link", uri: "x:4", name: "four" },
        { type: "hologram" },
      ],
    });
    expect(output).toEqual([
      { type: "image_url", image_url: { url: "data:image/png;base64,AA==", id: null } },
      { type: "audio_url", audio_url: { url: "data:audio/wav;base64,BB==", id: null } },
      text("inside"),
      { type: "image_url", image_url: { url: "data:image/gif;base64,CC==", id: null } },
      text("[resource x:3 left out]"),
      text("[resource four x:4]"),
      text("[content of type hologram left out]"),
    ]);
  });

  it("shows structured content only where there is no other", () => {
    expect(toolResult({ structuredContent: { a: 1 } }).output).toEqual([text('{"a":1}')]);
    expect(toolResult({ content: [text("x")], structuredContent: { a: 1 } }).output).toEqual([text("x")]);
    expect(toolResult({}).output).toEqual([]);
  });

  it("keeps 100,000 characters of all parts together and says that it cut", () => {
    const result = toolResult({ content: [text("a".repeat(60_000)), text("b".repeat(60_000)), text("c")] });
    expect((result.output as { text: string }[]).map((part) => part.text.length)).toEqual([60_000, 40_000]);
    expect(result.message).toBe("Output is truncated to fit in the message.");
    const failed = toolResult({ content: [text("a".repeat(100_001))], isError: true });
    expect(failed.message).toMatch(/^Tool returned an error.* Output is truncated to fit in the message\.$/);
  });

  it("drops media above 10 MiB", () => {
    const image = (size: number) => ({ type: "image", data: "A".repeat(size), mimeType: "image/png" });
    const result = toolResult({ content: [image(9_000_000), image(9_000_000), text("x")] });
    expect(result.output).toHaveLength(2);
    expect(result.message).toBe("Output is truncated to fit in the message.");
  });

  it("never cuts a character in half", () => {
    const [part] = toolResult({ content: [text(`${"a".repeat(99_999)}😀`)] }).output as { text: string }[];
    expect(part?.text).toBe("a".repeat(99_999));
  });
});
