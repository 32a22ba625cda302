/** For which age of the wire the kernel speaks: all of it, unless flag or environment say less. */
import { KernelError } from "../errors.js";

export type WireCompat = "1.2";

/** Flag before KERNEL_WIRE_COMPAT; "off" and "" are null. Throws KernelError `usage` for any other word. */
export function resolveWireCompat(
  flag: WireCompat | "off" | null,
  env: Readonly<Record<string, string | undefined>>,
): WireCompat | null {
  const word = flag ?? (env.KERNEL_WIRE_COMPAT || "off");
  if (word === "off") return null;
  if (word === "1.2") return word;
  throw new KernelError("usage", `Invalid value for KERNEL_WIRE_COMPAT: '${word}' is not one of 1.2, off.`);
}
