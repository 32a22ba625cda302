// What the fake model says; the benches check that all of it arrives.
export const TURN_WORDS = ["Hello", ", ", "how ", "can ", "I ", "help", "?"];
/** Chunk number i of the burst is the last BURST_CHARS digits of i. */
export const BURST_CHUNKS = 20_000;
export const BURST_CHARS = 4;
