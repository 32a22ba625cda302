import { toWireError, wireError } from "./errors.js";

/** What checks the params of a method; every zod schema is one. `data` is what the handler gets. */
export interface ParamsSchema<T> {
  safeParse(
    value: unknown,
  ): { readonly success: true; readonly data: T } | { readonly success: false; readonly error: unknown };
}

/** The methods that one side serves, each with the schema of its params. */
export type MethodTable = Readonly<Record<string, ParamsSchema<unknown>>>;

/** What a handler knows about the call besides its checked params. */
export interface Call {
  readonly method: string;
  /** The params as they came, with keys that the schema may have left out. */
  readonly rawParams: unknown;
  /** Aborts when the connection closes. */
  readonly signal: AbortSignal;
}

/** A handler per method. It returns the result or throws a WireError; anything else thrown is an internal error. */
export type Handlers<T extends MethodTable> = {
  readonly [M in keyof T]: (params: T[M] extends ParamsSchema<infer P> ? P : never, call: Call) => unknown;
};

/**
 * Looks the method up, checks the params, calls the handler (in the same tick) and gives its result. Rejects only with
 * a WireError: method_not_found, invalid_params, the handler's own, or internal_error.
 */
export async function dispatch<T extends MethodTable>(table: T, handlers: Handlers<T>, call: Call): Promise<unknown> {
  const { method } = call;
  const schema = Object.hasOwn(table, method) ? table[method] : undefined;
  if (schema === undefined) {
    throw wireError("method_not_found", { fill: { method } });
  }
  try {
    const checked = schema.safeParse(call.rawParams);
    if (!checked.success) {
      throw wireError("invalid_params", { fill: { method }, cause: checked.error });
    }
    const handler: (params: never, call: Call) => unknown = handlers[method as keyof T];
    return await handler(checked.data as never, call);
  } catch (error) {
    throw toWireError(error);
  }
}
