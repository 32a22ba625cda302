/** Fails where it was told to: each planned failure once in the life of a process, or of all that share a marker file. */
import * as fs from "node:fs";
import type { FailAction, FailPointName, PlannedFailure } from "./fail-point-plan.js";

/** What ends the process; null where a kernel is only a part of one. */
export interface ProcessEnds {
  readonly pid: number;
  /** SIGKILL to itself. */
  kill(): void;
  /** Exit with code 1, at once. */
  exit(): void;
}

export interface FailPointsOptions {
  planned: readonly PlannedFailure[];
  /** Gets a line `name epoch pid text`, fsynced, before a failure; a text that is in it does not fail again. */
  markerFile: string | null;
  ends: ProcessEnds | null;
  /** The epoch under which this process owns the session, or will. */
  epoch: () => number;
}

interface Armed {
  readonly plan: PlannedFailure;
  left: number;
}

/** Asked at every place that can fail; a place that is in no plan costs one look into a map. */
export class FailPoints {
  readonly #options: FailPointsOptions;
  readonly #armed = new Map<FailPointName, Armed[]>();

  constructor(options: FailPointsOptions) {
    this.#options = options;
    for (const plan of options.planned) {
      const armed = this.#armed.get(plan.name) ?? [];
      this.#armed.set(plan.name, [...armed, { plan, left: plan.time }]);
    }
  }

  /** The place is passed. Throws, blocks or ends the process when it is its time; a promise cannot get lost here. */
  hit(name: FailPointName): void {
    const action = this.#due(name);
    if (action !== null) this.#act(name, action);
  }

  /** The same where the caller waits: what it gets may never settle. */
  async reach(name: FailPointName): Promise<void> {
    const action = this.#due(name);
    if (action === "lost") await new Promise<never>(() => {});
    if (action !== null) this.#act(name, action);
  }

  #due(name: FailPointName): FailAction | null {
    let due: FailAction | null = null;
    for (const armed of this.#armed.get(name) ?? []) {
      armed.left -= 1;
      if (armed.left === 0 && due === null && this.#isMeant(armed.plan)) due = armed.plan.action;
    }
    return due;
  }

  #isMeant(plan: PlannedFailure): boolean {
    const { markerFile, ends, epoch } = this.#options;
    const now = epoch();
    if (plan.epoch !== null && plan.epoch !== now) return false;
    if (markerFile === null) return true;
    const done = readLines(markerFile).some((line) => line.split(" ")[3] === plan.text);
    if (!done) appendSynced(markerFile, `${plan.name} ${now} ${ends?.pid ?? 0} ${plan.text}\n`);
    return !done;
  }

  #act(name: FailPointName, action: FailAction): void {
    const { ends } = this.#options;
    if (action === "throw" || ends === null) {
      if (action !== "hang") throw new Error(`Fail point ${name}: thrown on purpose.`);
    } else if (action === "kill") {
      ends.kill();
    } else if (action === "exit") {
      ends.exit();
    }
    // A hang; and behind a kill or an exit not one statement more may run.
    for (;;);
  }
}

function readLines(file: string): string[] {
  try {
    return fs.readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}

function appendSynced(file: string, line: string): void {
  const fd = fs.openSync(file, "a", 0o600);
  try {
    fs.writeSync(fd, line);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
