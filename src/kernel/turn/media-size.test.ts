import { expect, test } from "vitest";
import { MAX_MEDIA_BYTES, requireMediaSize } from "./media-size.js";

const image = (url: string) => [{ type: "image_url" as const, image_url: { url } }];
const base64 = (bytes: number) => `data:image/png;base64,${Buffer.alloc(bytes).toString("base64")}`;

test("exactly the limit passes, one byte more does not", () => {
  for (const less of [0, 1, 2]) expect(() => requireMediaSize(image(base64(MAX_MEDIA_BYTES - less)))).not.toThrow();
  expect(() => requireMediaSize(image(base64(MAX_MEDIA_BYTES + 1)))).toThrow("at most 20 MB");
});

test("each kind of media is named; text, links and small data are not looked at", () => {
  const url = base64(25_000_000);
  expect(() => requireMediaSize([{ type: "video_url", video_url: { url } }])).toThrow(
    "The video has 25.0 MB; at most 20 MB can be sent.",
  );
  expect(() =>
    requireMediaSize([{ type: "audio_url", audio_url: { url: `DATA:,${"x".repeat(21_000_000)}` } }]),
  ).toThrow("The audio has 21.0 MB");
  expect(() => requireMediaSize("x".repeat(30_000_000))).not.toThrow();
  expect(() => requireMediaSize([{ type: "text", text: "x".repeat(30_000_000) }])).not.toThrow();
  expect(() => requireMediaSize(image(`http://x.y/${"z".repeat(30_000_000)}`))).not.toThrow();
});
