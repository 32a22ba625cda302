/** Reads a journal once for as long as its file stays as it is: a takeover asks for the same one again and again. */
import { fileMark } from "./file-lines.js";
import { type JournalContent, readJournal } from "./journal-reader.js";
import type { SessionPaths } from "./share-folder.js";

interface Remembered {
  /** What tells the file apart from what it was: a cut makes a new file, everything else makes it longer or shorter. */
  readonly mark: string;
  readonly content: JournalContent;
}

const remembered = new WeakMap<SessionPaths, Remembered>();

/** As readJournal. The content is kept for these very paths, whose owner must not change it. */
export function journalOf(paths: SessionPaths): JournalContent {
  // Before the file is read: what is appended meanwhile makes the mark wrong, never the content old.
  const mark = fileMark(paths.journal);
  const known = remembered.get(paths);
  if (mark !== null && known?.mark === mark) return known.content;
  const content = readJournal(paths.journal);
  if (mark === null) remembered.delete(paths);
  else remembered.set(paths, { mark, content });
  return content;
}
