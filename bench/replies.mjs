// What the fake model says; the benches check that all of it arrives.
export const TURN_WORDS = ["Hello", ", ", "how ", "can ", "I ", "help", "?"];
/** Chunk number i of the burst is the last BURST_CHARS digits of i. */
export const BURST_CHUNKS = 20_000;
export const BURST_CHARS = 4;
/** One for each request of a turn whose kernel dies twice, and the file that the model asks for between. */
export const RECOVERY_WORDS = ["one ", "two ", "three ", "four"];
export const RECOVERY_FILE = "notes.txt";
