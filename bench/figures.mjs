// A figure: samples of one quantity, its target, and whether it is met.

/**
 * One row of the report. `target` is {atMost} or {atLeast}, absent for information. The value is the median of the
 * samples. `digits` are those behind the point.
 */
export function figure(name, unit, samples, { target = null, digits = 2, note = "" } = {}) {
  const sorted = [...samples].sort((a, b) => a - b);
  if (sorted.length === 0 || sorted.some((value) => !Number.isFinite(value))) throw new Error(`${name}: no samples`);
  const round = (value) => Number(value.toFixed(digits));
  const value = median(sorted);
  return {
    name,
    unit,
    value: round(value),
    min: round(sorted[0]),
    max: round(sorted.at(-1)),
    samples: sorted.length,
    target,
    met: target === null ? null : meets(value, target),
    note,
  };
}

/** The middle of the samples. */
export function median(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function meets(value, { atMost, atLeast }) {
  return (atMost === undefined || value <= atMost) && (atLeast === undefined || value >= atLeast);
}

/** The target in words, "" when there is none. */
export function targetText(target) {
  if (target === null) return "";
  const bounds = [];
  if (target.atMost !== undefined) bounds.push(`<= ${target.atMost.toLocaleString("en")}`);
  if (target.atLeast !== undefined) bounds.push(`>= ${target.atLeast.toLocaleString("en")}`);
  return bounds.join(", ");
}
