/**
 * Bytes of the write under way that the system has not taken yet; 0 where the stream does not tell. A pipe is written in
 * pieces, but its stream reports whole writes only; this is where Node's own time limits look.
 */
export function unsentBytes(stream: object): number {
  const handle: unknown = Reflect.get(stream, "_handle");
  const size: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "writeQueueSize") : 0;
  return typeof size === "number" ? size : 0;
}
