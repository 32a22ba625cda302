/** Everything the command line says to people, in one place, so that other languages can be added. */
export const messages = {
  version: (version: string) => `kernel, version ${version}`,
  noAcp: "ACP mode is not part of this version; use --wire.",
  noMode: "Say what to run: kernel chat, kernel -p PROMPT, or kernel --wire (see kernel --help).",
  seeLogs: (file: string) => `See logs: ${file}`,
  resumeHint: (sessionId: string) => `\nTo resume this session: kernel -r ${sessionId}`,
  outputLost: (reason: string) => `The output could not be written: ${reason}`,
  noWorkDir: "The current folder does not exist.",
} as const;
