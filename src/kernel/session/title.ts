/** Session titles: the first prompt, shortened. */
const LONGEST_TITLE = 50;
/** Code units that tell everything about the title; a prompt may have a hundred million. */
const ENOUGH = 2 * LONGEST_TITLE + 2;

/** White space collapsed; cut to at most 50 characters, at a word boundary when there is one, with an ellipsis. "" stays "". */
export function titleFrom(text: string): string {
  let line = "";
  for (const [word] of text.matchAll(/\S+/g)) {
    line += `${line === "" ? "" : " "}${word.slice(0, ENOUGH)}`;
    if (line.length > ENOUGH) break;
  }
  const characters = [...line];
  if (characters.length <= LONGEST_TITLE) return line;
  const longest = LONGEST_TITLE - 1;
  const cut = characters.slice(0, longest).join("");
  const space = characters[longest] === " " ? cut.length : cut.lastIndexOf(" ");
  return `${(space > 0 ? cut.slice(0, space) : cut).trimEnd()}…`;
}
