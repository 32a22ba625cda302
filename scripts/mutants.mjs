/** Promises of the sources, each as the change that breaks it. */
import { existsSync, readFileSync } from "node:fs";

/** `from` must stand exactly once in the file. A suite that is not named need not notice. */
export const MUTANTS = {
  "acknowledge-first": {
    suites: ["turns"],
    file: "src/kernel/storage/file-operations.ts",
    from: "  write: (fd, bytes) => fs.writeSync(fd, bytes),",
    to: `  write: (fd, bytes) => {
    const copy = Buffer.from(bytes);
    setTimeout(() => { try { fs.writeSync(fd, copy); } catch {} }, 20);
    return bytes.length;
  },`,
  },
  "deliver-first": {
    suites: ["order", "turns"],
    file: "src/kernel/turn/turn-recorder.ts",
    from: `    const seq = this.log.append(records, { sync });
    this.sink.deliver(seq, records, this.#place(seq, records.length));`,
    to: `    const seq = this.log.lastSeq + 1;
    this.sink.deliver(seq, records, this.#place(seq, records.length));
    this.log.append(records, { sync });`,
  },
  "no-dedupe-of-prompts": {
    suites: ["turns"],
    file: "src/kernel/storage/recorded-requests.ts",
    from: '    if (this.#turn?.clientId === clientId) return { kind: "prompt", turn: this.#turn };',
    to: "    if (this.#turn?.clientId === clientId) return null;",
  },
  "no-dedupe-of-requests": {
    suites: ["turns"],
    file: "src/client/request-answers.ts",
    from: "    if (known !== null) return known.answer;",
    to: "",
  },
  "no-dedupe-of-events": {
    suites: ["turns"],
    file: "src/client/event-cursor.ts",
    from: "    if (this.#last !== null && stamp.seq <= this.#last) return;",
    to: "",
  },
  "no-intent": {
    suites: ["order", "turns"],
    file: "src/kernel/turn/one-call.ts",
    from: '    if (prepared.effect !== "none") recorder.note(',
    to: '    if (prepared.effect === ("never" as string)) recorder.note(',
  },
  "no-fsync": {
    suites: ["order"],
    file: "src/kernel/storage/journal.ts",
    from: "    if (options.sync) this.sync();",
    to: "",
  },
  "journal-cut-too-early": {
    suites: ["turns"],
    file: "src/kernel/storage/session-writer.ts",
    from: "    this.#dirty = false;\n  }",
    to: "    this.#dirty = false;\n    if (!this.#openTurn) journal.cut(this.#header([]));\n  }",
  },
  "publish-before-safe": {
    suites: ["order"],
    file: "src/kernel/storage/session-writer.ts",
    from: "    journal.sync();\n    this.#projector.flush();",
    to: "    this.#projector.flush();",
  },
};

/** The text of the file with this mutation. Throws when it does not fit. */
export function mutated(file, { from, to }) {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (text.split(from).length !== 2) throw new Error(`The mutation of ${file} does not fit any more: ${from.trim()}`);
  return text.replace(from, () => to);
}
