import { expect, it } from "vitest";
import { nearestWord } from "./nearest-word.js";

const KEYS = ["default_model", "default_yolo", "models", "providers", "mcp", "hooks"];

it.each([
  ["defualt_model", "default_model"],
  ["model", "models"],
  ["provider", "providers"],
  ["hook", "hooks"],
  ["mpc", null],
  ["m", null],
  ["services", null],
  ["telemetry", null],
])("%s: %s", (word, meant) => {
  expect(nearestWord(word, KEYS)).toBe(meant);
});
