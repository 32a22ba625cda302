import { expect, test } from "vitest";
import { systemPrompt } from "./system-prompt.js";

const FACTS = { workDir: "/w", os: "Linux", shell: "bash", date: "2026-01-02" };

test("the same facts give the same bytes", () => {
  expect(systemPrompt(FACTS)).toBe(systemPrompt({ ...FACTS }));
});

test("it names the facts and nothing that changes while a session lives", () => {
  const text = systemPrompt(FACTS);
  for (const fact of Object.values(FACTS)) expect(text).toContain(fact);
  expect(text).not.toMatch(/\d\d:\d\d/);
});
