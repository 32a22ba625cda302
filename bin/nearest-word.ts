/** Finds what was probably meant by a word that is not known. Pure. */

const MOST_EDITS = 2;
/** A short word is easily near to another one. */
const LETTERS_FOR_EACH_EDIT = 3;

/**
 * The candidate that is nearest to the word, null when none is near. One that begins with the word is the nearest. Words
 * of less than three letters are near to nothing.
 */
export function nearestWord(word: string, candidates: readonly string[]): string | null {
  if (word.length < LETTERS_FOR_EACH_EDIT) return null;
  const [best] = candidates
    .map((name) => ({ name, edits: name.startsWith(word) ? 0 : edits(word, name) }))
    .sort((a, b) => a.edits - b.edits);
  const most = Math.min(MOST_EDITS, Math.floor(word.length / LETTERS_FOR_EACH_EDIT));
  return best !== undefined && best.edits <= most ? best.name : null;
}

/** How many letters have to be added, taken away or changed to come from one to the other. */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries()) {
      const changed = (row[j] as number) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
