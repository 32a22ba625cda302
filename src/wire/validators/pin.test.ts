import { expect, test } from "vitest";
import * as z from "zod/mini";
import { pin } from "../pin.js";

/** Stands for a generated type: a required key, an optional one and a closed set. */
interface Sample {
  id: string;
  note?: string;
  status: "on" | "off";
}

const status = z.enum(["on", "off"]);
const note = z.exactOptional(z.string());

/** The drifts that must not compile. `tsc` is the judge: an unused `@ts-expect-error` is an error of its own. */
function seededDrifts() {
  return [
    // @ts-expect-error a required key is missing
    pin<Sample>()(z.object({ note, status })),
    // @ts-expect-error an optional key is missing
    pin<Sample>()(z.object({ id: z.string(), status })),
    // @ts-expect-error the set is narrower
    pin<Sample>()(z.object({ id: z.string(), note, status: z.literal("on") })),
    // @ts-expect-error the set is wider
    pin<Sample>()(z.object({ id: z.string(), note, status: z.enum(["on", "off", "dim"]) })),
    // @ts-expect-error there is one optional key more
    pin<Sample>()(z.object({ id: z.string(), note, status, extra: z.exactOptional(z.string()) })),
    // @ts-expect-error a key has another type
    pin<Sample>()(z.object({ id: z.number(), note, status })),
    // @ts-expect-error an optional key may be undefined, which JSON has not
    pin<Sample>()(z.object({ id: z.string(), note: z.optional(z.string()), status })),
    // @ts-expect-error a nullable key is not an optional one
    pin<Sample>()(z.object({ id: z.string(), note: z.nullable(z.string()), status })),
    // @ts-expect-error nothing is known of the output
    pin<Sample>()(z.unknown()),
  ];
}

test("a schema that fits comes back unchanged and keeps working", () => {
  const schema = z.object({ id: z.string(), note, status });
  expect(pin<Sample>()(schema)).toBe(schema);
  expect(pin<Sample>()(schema).parse({ id: "a", status: "on", more: 1 })).toEqual({ id: "a", status: "on" });
});

test("pin does nothing at run time, also where the compiler objects", () => {
  expect(seededDrifts()).toHaveLength(9);
});
