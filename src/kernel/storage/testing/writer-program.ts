/** A kernel that appends events until it is killed and says each seq only after the append returned. */
import { writeSync } from "node:fs";
import { silentLogger } from "../../logger.js";
import { openSession } from "../open-session.js";
import { delivered, intent, text, toolCall, toolResult, turnEnd } from "./scripted-turn.js";

const [shareDir = "", workDir = "", sessionId = "", run = "0"] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

const log = openSession({ shareDir, workDir, sessionId, logger: silentLogger });
await log.acquire();
for (let turn = 0; ; turn += 1) {
  const tag = `${run}.${turn}`;
  log.beginTurn({ kind: "turn", turn_id: tag, client_id: null, user_input: tag });
  log.append([delivered("TurnBegin", { user_input: tag })]);
  log.context([{ role: "user", content: tag }]);
  say(`user ${tag}`);
  let reply = "";
  for (let n = 0; n < 40; n += 1) {
    const word = `w${tag}.${n} `;
    const seq = log.append([text(word)]);
    reply += word;
    say(`word ${seq} ${word.trim()}`);
  }
  const call = `c${tag}`;
  log.append([toolCall(call)]);
  log.note({ kind: "stream_end", n: 1, usage: null, message_id: null, finish_reason: "stop" });
  log.note(intent(call));
  say(`intent ${call}`);
  log.append([toolResult(call)]);
  say(`result ${call}`);
  const asked = { type: "function", id: call, function: { name: "Shell", arguments: "{}" } };
  log.context([
    { role: "assistant", content: reply, tool_calls: [asked] },
    { role: "tool", content: "ok\n", tool_call_id: call },
  ]);
  log.checkpoint();
  log.append([turnEnd(tag)]);
  say(`end ${tag}`);
  log.checkpoint();
}
