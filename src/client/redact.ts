/** Keeps secrets out of what a host shows of a kernel's last words. */

const HIDDEN = "[hidden]";
const SECRET_NAME = /KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL/i;
/** Shorter values are words that stand everywhere. */
const SHORTEST = 6;
const BEARER = /\b(Bearer\s+)[\w.~+/=-]{6,}/gi;
const SK_KEY = /\bsk-[\w-]{6,}/g;
/** How much longer a text can become by hiding: six characters turn into eight. */
const GROWTH = 4 / 3;
/** Enough for a token of which the word before it, `Bearer`, was cut off. */
const EDGE = 512;

/** The values of variables whose names look like secrets, longest first. */
export function secretValues(env: Readonly<Record<string, string | undefined>>): string[] {
  const values = Object.entries(env).flatMap(([name, value]) =>
    SECRET_NAME.test(name) && value !== undefined && value.trim().length >= SHORTEST ? [value.trim()] : [],
  );
  return [...new Set(values)].sort((a, b) => b.length - a.length);
}

/** The text with these values, bearer tokens and `sk-` keys replaced, and one of the values begun at its end too. */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, HIDDEN);
  return hideBegun(clean, secrets).replace(BEARER, `$1${HIDDEN}`).replace(SK_KEY, HIDDEN);
}

/**
 * As `redact`, for a text whose beginning was cut off somewhere: what may be the rest of a secret goes as well, up to
 * the next blank.
 */
export function redactCut(text: string, secrets: readonly string[]): string {
  const clean = redact(text, secrets);
  const unsure = Math.ceil(Math.max(EDGE, secrets[0]?.length ?? 0) * GROWTH) + HIDDEN.length;
  const blank = clean.slice(unsure).search(/\s/);
  return blank < 0 ? "" : clean.slice(unsure + blank);
}

/** A process that dies may have written half of it. */
function hideBegun(text: string, secrets: readonly string[]): string {
  for (const secret of secrets) {
    for (let length = secret.length - 1; length >= SHORTEST; length -= 1) {
      if (text.endsWith(secret.slice(0, length))) return text.slice(0, -length) + HIDDEN;
    }
  }
  return text;
}
