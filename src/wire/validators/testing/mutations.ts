/** Small, mechanical damage to a JSON value. */
const JUNK: readonly unknown[] = [null, true, -1, 0, 0.5, 7, "", "junk", [], ["junk"], {}, { type: "junk" }];

export interface Mutation {
  /** What was done and where, for the test's report. */
  what: string;
  value: unknown;
}

/**
 * Every value that differs from the given one in a single place: a key dropped, a key added, or one part, at any depth,
 * replaced by junk. The value itself is never changed.
 */
export function* mutations(value: unknown, path = "$"): Generator<Mutation> {
  for (const junk of JUNK) yield { what: `${path} = ${JSON.stringify(junk)}`, value: junk };
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      for (const inner of mutations(item, `${path}[${index}]`)) {
        yield { what: inner.what, value: value.with(index, inner.value) };
      }
    }
  } else if (typeof value === "object" && value !== null) {
    yield { what: `${path} + unknown key`, value: { ...value, unheard_of: 1 } };
    for (const [key, item] of Object.entries(value)) {
      const { [key]: _dropped, ...rest } = value as Record<string, unknown>;
      yield { what: `${path} - ${key}`, value: rest };
      for (const inner of mutations(item, `${path}.${key}`)) {
        yield { what: inner.what, value: { ...value, [key]: inner.value } };
      }
    }
  }
}
