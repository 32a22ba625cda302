/** The last bytes of a stream of any length, in a buffer of fixed size. */
export interface ByteRing {
  push(bytes: Buffer): void;
  /** A copy of what is kept, in order. */
  bytes(): Buffer;
  /** How many bytes came and are no longer kept. */
  readonly dropped: number;
}

/** Creates an empty ring that keeps up to `capacity` bytes. */
export function createByteRing(capacity: number): ByteRing {
  const ring = Buffer.allocUnsafe(capacity);
  let position = 0;
  let total = 0;
  return {
    push(bytes) {
      total += bytes.length;
      const last = bytes.length > capacity ? bytes.subarray(bytes.length - capacity) : bytes;
      const first = last.copy(ring, position);
      last.copy(ring, 0, first);
      position = (position + last.length) % capacity;
    },
    bytes() {
      if (total < capacity) return Buffer.from(ring.subarray(0, position));
      return Buffer.concat([ring.subarray(position), ring.subarray(0, position)]);
    },
    get dropped() {
      return Math.max(0, total - capacity);
    },
  };
}
