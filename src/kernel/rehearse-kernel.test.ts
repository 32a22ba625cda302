import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { rehearseOpenAi } from "./providers/rehearse-openai.js";
import { rehearseKernel } from "./rehearse-kernel.js";

test("a rehearsed kernel runs to the end of its client's requests, writes nothing and is over", async () => {
  const sent = await rehearseKernel();
  const lines = sent
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { id?: string })
    .filter(({ id }) => id !== undefined)
    .sort((a, b) => Number(a.id) - Number(b.id));
  expect(lines).toEqual([
    expect.objectContaining({ id: "1", result: expect.objectContaining({ protocol_version: "1.10" }) }),
    expect.objectContaining({ id: "2", result: { status: "finished", events: 0, requests: 0 } }),
    expect.objectContaining({ id: "3", error: expect.objectContaining({ message: "No agent turn is in progress" }) }),
  ]);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith("rehearsal-"))).toEqual([]);
});

test("a rehearsed request is answered in memory", async () => {
  expect(await rehearseOpenAi()).toEqual([{ kind: "content", part: { type: "text", text: "ok" } }]);
});
