import path from "node:path";
import { expect, it } from "vitest";
import { resolveShareDir } from "./share-dir.js";

it("prefers our own name, then the published one, then the home folder, and ignores empty values", () => {
  const own = path.resolve("/own");
  const published = path.resolve("/published");
  expect(resolveShareDir({ KERNEL_SHARE_DIR: own, KIMI_SHARE_DIR: published }, "/home/u")).toBe(own);
  expect(resolveShareDir({ KERNEL_SHARE_DIR: "", KIMI_SHARE_DIR: published }, "/home/u")).toBe(published);
  expect(resolveShareDir({ KIMI_SHARE_DIR: "" }, "/home/u")).toBe(path.resolve("/home/u/.kernel"));
  expect(resolveShareDir({ KERNEL_SHARE_DIR: "rel" }, "/home/u")).toBe(path.resolve("rel"));
});
