/** Ties a validator to a generated type at compile time. Nothing here costs anything at run time. */
import type * as z from "zod/mini";

/** true only when the two types are the same to the letter: keys, optional marks, unions and all. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/**
 * `pin<T>()(schema)` gives the schema back unchanged and does not compile unless the schema's output is exactly T.
 * Two calls, because TypeScript cannot infer one type argument while the other is given.
 */
export function pin<T>() {
  return <S extends z.core.$ZodType>(
    schema: S & (Same<z.output<S>, T> extends true ? unknown : { "not the generated type": [z.output<S>, T] }),
  ): S => schema;
}
