/** A kernel that races for one session: on each line of stdin it tries once, writes three events and keeps the lock. */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { errorMessage, KernelError } from "../../errors.js";
import { silentLogger } from "../../logger.js";
import { openSession } from "../open-session.js";
import { text } from "./scripted-turn.js";

const [shareDir = "", workDir = "", sessionId = ""] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

say("ready");
let log = openSession({ shareDir, workDir, sessionId, logger: silentLogger, lockWaitMs: 60 });
for await (const command of createInterface({ input: process.stdin })) {
  if (command === "release") {
    log.close({ clean: true });
    log = openSession({ shareDir, workDir, sessionId, logger: silentLogger, lockWaitMs: 60 });
    say("released");
    continue;
  }
  try {
    await log.acquire();
    const seqs = [1, 2, 3].map((n) => log.append([text(`${command}-${n} `)], { sync: n === 3 }));
    say(`won ${log.epoch} ${seqs.join(" ")}`);
  } catch (error) {
    say(error instanceof KernelError && error.code === "session_locked" ? "locked" : `failed ${errorMessage(error)}`);
  }
}
