/** What tests of the client say and read beside a fake kernel. */
import type { Event } from "../../wire/generated/types.gen.js";
import type { FakeLine } from "./fake-kernel.js";

/** The result of a replay that had nothing to tell. */
export const REPLAYED = { status: "finished", events: 0, requests: 0 };

/** What seq/1 puts beside an event. */
export function stamp(seq: number, prev: number, epoch = 1): { seq: number; prev: number; epoch: number } {
  return { seq, prev, epoch };
}

/** The client's own id of a request. */
export function idOf({ params }: FakeLine): string {
  return params?.client_id as string;
}

/** The types of all events of a turn. */
export async function typesOf(turn: AsyncIterable<Event>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { type } of turn) seen.push(type);
  return seen;
}
