/** Everything the command line says to people, in one place, so that other languages can be added. */
export const messages = {
  version: (version: string) => `kernel, version ${version}`,
  noAcp: "ACP mode is not part of this version; use --wire.",
  noMode: "Say what to run: kernel chat, kernel -p PROMPT, or kernel --wire (see kernel --help).",
  commandNotYet: (name: string) => `The command '${name}' is not part of this version.`,
  noSuchCommand: (name: string) => `No such command '${name}'.`,
  noSuchOption: (name: string) => `No such option: ${name}`,
  seeLogs: (file: string) => `See logs: ${file}`,
  infoDescription: "Show versions",
  demoDescription: "Run one prompt in a scratch folder and show what happens",
  resumeHint: (sessionId: string) => `\nTo resume this session: kernel -r ${sessionId}`,
  noWorkDir: "The current folder does not exist.",
} as const;
