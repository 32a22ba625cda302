import { createHash } from "node:crypto";
import * as z from "zod/mini";
import type { Grant } from "./grants.js";

const fileIdentity = z.strictObject({ path: z.string(), identity: z.string() });
const pattern = z.strictObject({
  match: z.enum(["pattern", "exact"]),
  argv: z.array(z.string()).check(z.minLength(1)),
  cwd: z.nullable(z.string()),
  files: z.array(fileIdentity),
});
// Strict: a key that is not known may be a limit that a newer kernel set.
const grant = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("command"),
    workDir: z.string(),
    background: z.boolean(),
    patterns: z.array(pattern).check(z.minLength(1)),
  }),
  z.strictObject({ kind: z.literal("edit"), workDir: z.string() }),
  z.strictObject({ kind: z.literal("fetch"), workDir: z.string(), host: z.string() }),
  z.strictObject({ kind: z.literal("mcp"), workDir: z.string(), server: z.string(), tool: z.string() }),
  z.strictObject({ kind: z.literal("read_outside"), workDir: z.string(), path: z.string() }),
]);

/**
 * The grants of state.json that hold for this work dir. What is not a grant, or belongs to another work dir, is left
 * out and named in `notices`, one sentence each for the log. Never throws.
 */
export function parseGrants(stored: unknown, workDir: string): { grants: Grant[]; notices: string[] } {
  const grants = new Map<string, Grant>();
  const notices: string[] = [];
  if (!Array.isArray(stored)) return { grants: [], notices: ["The stored grants are not a list and were dropped."] };
  for (const [index, entry] of stored.entries()) {
    const parsed = z.safeParse(grant, entry);
    if (!parsed.success) notices.push(`Stored grant ${index + 1} is not valid and was dropped.`);
    else if (parsed.data.workDir !== workDir)
      notices.push(`Stored grant ${index + 1} belongs to another work dir and was dropped.`);
    else grants.set(grantId(parsed.data), parsed.data);
  }
  return { grants: [...grants.values()], notices };
}

/** A short id made of the grant's content: equal for equal grants, so it can be listed and revoked by it. */
export function grantId(value: Grant): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(value)))
    .digest("hex")
    .slice(0, 12);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}

/**
 * A sentence for the log and the user when state.json of another kernel grants whole kinds of action
 * (`auto_approve_actions`), which this kernel does not honour; null when it grants none.
 */
export function ignoredActionsNotice(actions: readonly string[]): string | null {
  if (actions.length === 0) return null;
  const named = actions.map((action) => JSON.stringify(action)).join(", ");
  return `Stored approvals for whole kinds of action are not used and will be asked again: ${named}.`;
}
