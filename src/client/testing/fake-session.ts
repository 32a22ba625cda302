/** Fake, for orders that a real kernel does not give on demand: a session that any number of fake kernels serve in turn. */
import { REPLAYED } from "./client-lines.js";
import { ALL_EXTENSIONS, type FakeKernel, type FakeLine } from "./fake-kernel.js";

export interface FakeTurn {
  id: string;
  clientId: string;
  events: { seq: number; epoch: number }[];
  /** null while it has no end. */
  status: "finished" | "cancelled" | null;
  /** What was taken of the client, by its ids. */
  steers: Map<string, unknown>;
}

/** What is on the disk, and the kernel that has it. Every event of it carries its own number. */
export class FakeSession {
  readonly turns: FakeTurn[] = [];
  #seq = 0;
  #epoch = 0;
  #kernel: FakeKernel | null = null;
  /** The prompts and resumes that wait for the end of the turn that runs. */
  #waiting: FakeLine[] = [];
  #dieAfter: number | null = null;
  /** The newest event was lost. */
  #isBehind = false;

  get last(): FakeTurn | undefined {
    return this.turns.at(-1);
  }

  /** Serves until it dies. */
  async serve(kernel: FakeKernel): Promise<void> {
    this.#kernel = kernel;
    this.#waiting = [];
    this.#epoch += 1;
    while (!kernel.isDead) {
      const line = await kernel.nextCall();
      if (this.#dieAfter !== null) this.#dieAfter -= 1;
      if (this.#dieAfter !== null && this.#dieAfter < 0) {
        this.#dieAfter = null;
        kernel.die();
        return;
      }
      this.#take(kernel, line);
    }
  }

  /** The kernel of that time dies when it has read so many more calls. */
  dieAfter(calls: number): void {
    this.#dieAfter = calls;
  }

  /** Goes on with the turn that runs by one event, which the client gets or not; the last one ends it. */
  step(isDelivered: boolean, ends: boolean): void {
    const turn = this.last;
    if (turn === undefined || turn.status !== null || this.#waiting.length === 0) return;
    this.#record(turn, isDelivered);
    if (ends) this.#end(turn, "finished", isDelivered);
  }

  /** Goes on by one event that gets lost on its way, though the kernel lives. One that is not lost follows it. */
  lose(): void {
    const turn = this.last;
    if (turn === undefined || turn.status !== null || this.#waiting.length === 0) return;
    this.#note(turn);
    this.#isBehind = true;
  }

  #take(kernel: FakeKernel, line: FakeLine): void {
    const { method, params = {} } = line;
    const { last } = this;
    const running = this.#waiting.length > 0 ? last : undefined;
    if (method === "initialize") this.#greet(kernel, line);
    else if (method === "set_plan_mode") kernel.answer(line, { status: "ok", plan_mode: params.enabled });
    else if (method === "replay") this.#replay(kernel, line, running !== undefined);
    else if (method === "prompt") this.#prompt(kernel, line, running);
    else if (method === "resume") {
      if (last === undefined || last.id !== params.turn_id) refuse(kernel, line, "no_turn");
      else this.#join(kernel, line, last);
    } else if (method === "steer") {
      if (running !== undefined) running.steers.set(String(params.client_id), params.user_input);
      if (running === undefined) refuse(kernel, line, "no_turn");
      else kernel.answer(line, { status: "steered" });
    } else if (method === "cancel") {
      if (running === undefined) refuse(kernel, line, "no_turn");
      else kernel.answer(line, {});
      if (running !== undefined) this.#end(running, "cancelled", true);
    }
  }

  #greet(kernel: FakeKernel, line: FakeLine): void {
    const { last } = this;
    const open = last === undefined || last.status !== null ? null : last;
    kernel.answer(line, {
      protocol_version: "1.10",
      capabilities: { extensions: ALL_EXTENSIONS },
      ...(open === null ? {} : { open_turn: { turn_id: open.id, client_id: open.clientId, seq: this.#seq } }),
    });
  }

  #prompt(kernel: FakeKernel, line: FakeLine, running: FakeTurn | undefined): void {
    const clientId = String(line.params?.client_id);
    if (this.last?.clientId === clientId) this.#join(kernel, line, this.last);
    else if (running !== undefined) refuse(kernel, line, "turn_in_progress");
    else this.#begin(line, clientId);
  }

  #begin(line: FakeLine, clientId: string): void {
    const turn: FakeTurn = { id: `turn-${clientId}`, clientId, events: [], status: null, steers: new Map() };
    this.turns.push(turn);
    this.#waiting.push(line);
    this.#record(turn, true);
  }

  #join(kernel: FakeKernel, line: FakeLine, turn: FakeTurn): void {
    if (turn.status === null) this.#waiting.push(line);
    else kernel.answer(line, { status: turn.status });
  }

  #replay(kernel: FakeKernel, line: FakeLine, isBusy: boolean): void {
    if (isBusy) {
      refuse(kernel, line, "turn_in_progress");
      return;
    }
    const since = line.params?.since;
    const turns = typeof since === "number" ? this.turns.slice(-1) : this.turns;
    for (const { events } of turns) {
      events.forEach(({ seq, epoch }, at) => {
        if (typeof since !== "number") kernel.event("StepBegin", { n: seq });
        // More than was asked for: what the host has must not reach it again.
        else send(kernel, { seq, epoch, prev: events[at - 1]?.seq ?? 0 });
      });
    }
    kernel.answer(line, REPLAYED);
  }

  #record(turn: FakeTurn, isDelivered: boolean): void {
    const stamp = this.#note(turn);
    this.#isBehind = false;
    if (isDelivered && this.#kernel !== null) send(this.#kernel, stamp);
    // A kernel delivers what it records, or dies.
    else this.#kernel?.die();
  }

  #note(turn: FakeTurn): { seq: number; epoch: number; prev: number } {
    const prev = turn.events.at(-1)?.seq ?? 0;
    this.#seq += 2;
    const event = { seq: this.#seq, epoch: this.#epoch };
    turn.events.push(event);
    return { ...event, prev };
  }

  #end(turn: FakeTurn, status: "finished" | "cancelled", isDelivered: boolean): void {
    if (this.#isBehind) this.#record(turn, true);
    turn.status = status;
    for (const line of this.#waiting.splice(0)) if (isDelivered) this.#kernel?.answer(line, { status });
  }
}

function send(kernel: FakeKernel, stamp: { seq: number; epoch: number; prev: number }): void {
  kernel.event("StepBegin", { n: stamp.seq }, stamp);
}

function refuse(kernel: FakeKernel, line: FakeLine, code: "no_turn" | "turn_in_progress"): void {
  kernel.refuse(line, -32000, code, { code });
}
