// Lines for the programs of the tests. Not with readline: from Node 24 on it also ends lines at U+2028, which JSON may hold.

/** Calls `onLine` with every whole line of the stream, without its LF. Throws what `onLine` throws. */
export function onLines(stream, onLine) {
  let rest = "";
  stream.setEncoding("utf8").on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) onLine(line);
  });
}
