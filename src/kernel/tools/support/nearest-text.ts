/** Where a text that was not found most likely was meant to be: a hint, never a match. Bounded to stay quick. */
const MAX_FILE_LINES = 5_000;
const MAX_LINE_CHARS = 200;
const MAX_WANTED_LINES = 500;
/** Share of common letter pairs from which a line is worth showing. */
const LIKELY = 0.6;

/**
 * Looks for the lines of `wanted` in `text` without regard to white space, else for the line most like its longest
 * line. Gives `Lines a-b differ ...` or `Nearest text, line n: ...`, or "" when nothing is near.
 */
export function nearestText(text: string, wanted: string): string {
  const lines = text.split("\n", MAX_FILE_LINES).map((line) => line.replace(/\r$/, ""));
  const wantedLines = wanted.split("\n").map(squeeze);
  while (wantedLines.at(-1) === "") wantedLines.pop();
  while (wantedLines[0] === "") wantedLines.shift();
  if (wantedLines.length === 0 || wantedLines.length > MAX_WANTED_LINES) return "";
  const start = findSqueezed(lines, wantedLines);
  if (start !== -1) {
    const end = start + wantedLines.length;
    return `Lines ${start + 1}-${end} differ from the old string in white space only:\n${lines.slice(start, end).map(shorten).join("\n")}`;
  }
  const longest = wantedLines.reduce((a, b) => (b.length > a.length ? b : a));
  const nearest = mostSimilar(lines, longest);
  return nearest === -1 ? "" : `Nearest text, line ${nearest + 1}:\n${shorten(lines[nearest] ?? "")}`;
}

function findSqueezed(lines: readonly string[], wanted: readonly string[]): number {
  const squeezed = lines.map(squeeze);
  return squeezed.findIndex((_, at) => wanted.every((line, i) => squeezed[at + i] === line));
}

function mostSimilar(lines: readonly string[], wanted: string): number {
  const pairs = letterPairs(wanted);
  let best = -1;
  let bestShare = LIKELY;
  lines.forEach((line, index) => {
    const other = letterPairs(squeeze(line));
    const sum = pairs.size + other.size;
    if (sum === 0) return;
    let common = 0;
    for (const pair of other) if (pairs.has(pair)) common += 1;
    const share = (2 * common) / sum;
    if (share > bestShare) [best, bestShare] = [index, share];
  });
  return best;
}

function letterPairs(line: string): Set<string> {
  const pairs = new Set<string>();
  const end = Math.min(line.length, MAX_LINE_CHARS) - 1;
  for (let i = 0; i < end; i++) pairs.add(line.slice(i, i + 2));
  return pairs;
}

function squeeze(line: string): string {
  return line.slice(0, MAX_LINE_CHARS).replace(/\s+/g, " ").trim();
}

function shorten(line: string): string {
  return line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS)}[...truncated]` : line;
}
