/**
 * Golden transcripts: each is played to the kernel under test, which must send the same; each message is in the
 * contract. With KERNEL_E2E_RECORD=1 they are written anew instead (scripts/record-transcripts.mjs).
 */
import { describe, expect, it } from "vitest";
import { contractAjv, loadWireGen, SPEC_DIR } from "../src/wire/validators/testing/contract-files.js";
import { PLAN_SCENARIOS } from "./transcripts/plan-scenarios.js";
import { comparable, play, record } from "./transcripts/play.js";
import { SCENARIOS as BASE_SCENARIOS } from "./transcripts/scenarios.js";
import { readTranscript, transcriptNames, withSamples, writeTranscript } from "./transcripts/transcript-file.js";

const SCENARIOS = [...BASE_SCENARIOS, ...PLAN_SCENARIOS];
const recording = process.env.KERNEL_E2E_RECORD === "1";

if (recording) {
  for (const scenario of SCENARIOS) {
    it(`W-902 records ${scenario.name}`, async () => {
      writeTranscript(scenario.name, await record(scenario));
    });
  }
}

describe.runIf(!recording)("transcripts", () => {
  const names = transcriptNames();

  it("W-901 there is one for every scenario and no other", () => {
    expect(names).toEqual(SCENARIOS.map((scenario) => scenario.name).sort());
  });

  for (const name of names) {
    it(`W-902 the kernel sends what is written in ${name}`, async () => {
      const transcript = readTranscript(name);
      const [sent, received] = [">", "<"].map((dir) =>
        transcript.lines.filter((line) => line.dir === dir).map((line) => line.msg),
      );
      expect(comparable(await play(transcript), sent ?? [])).toEqual(comparable(received ?? [], sent ?? []));
    });
  }

  it("W-903 every message is in the contract: envelope, params, result, no key that is not listed", async () => {
    const gen = await loadWireGen();
    const contract = await gen.readContract(SPEC_DIR);
    const open = contractAjv(contract, gen.SCHEMA_FILES);
    const closed = contractAjv(contract, gen.SCHEMA_FILES, true);
    const results = new Map(contract["methods.json"].methods.map(({ name, result }) => [name, result]));
    const faults: string[] = [];
    let checked = 0;
    for (const name of names) {
      const calls = new Map<unknown, string>();
      for (const [at, { dir, msg: masked }] of readTranscript(name).lines.entries()) {
        const msg = withSamples(masked);
        if (dir === ">" && msg.method !== undefined) calls.set(msg.id, msg.method);
        const envelope = `wire.schema.json#/$defs/${dir === ">" ? "ClientMessage" : "KernelMessage"}`;
        const ajv = dir === ">" ? open : closed;
        if (!ajv.validate(envelope, msg)) faults.push(`${name}:${at + 2} ${ajv.errorsText()}`);
        const reference = dir === "<" && msg.result !== undefined ? results.get(calls.get(msg.id) ?? "") : undefined;
        if (reference && !closed.validate(reference, msg.result)) {
          faults.push(`${name}:${at + 2} ${closed.errorsText()}`);
        }
        if (dir === "<" && msg.method === "request" && msg.id !== msg.params?.payload.id)
          faults.push(`${name}:${at + 2} other id`);
        checked += 1;
      }
    }
    expect(faults).toEqual([]);
    expect(checked).toBeGreaterThan(300);
  });
});
