/** What the chat says. */
export const chatMessages = {
  prompt: "> ",
  hello: (name: string, version: string, session: string) =>
    `${name} ${version}, session ${session}. /help lists the commands, Ctrl-C stops a turn, Ctrl-D leaves.`,
  again: "Press Ctrl-C again or Ctrl-D to leave.",
  nameSession: "Name the session: --session ID, or --continue for the latest one.",
  failed: (message: string) => `The turn failed: ${message}`,
  noKernel: (message: string) => `No kernel could be started: ${message}`,
  gone: (message: string) => `The kernel is gone: ${message}`,
  asksAll: "From here on it asks before it acts, whatever was allowed before.",
  steerTooLate: "The turn has ended meanwhile; say it again.",
  resume: (session: string) => `To resume this session: kernel chat --session ${session}`,
  askResume: "The last turn of this session was cut short. Go on with it? y or n: ",
  leftOpen: "It ends as it stands when you say something else.",
  help: (commands: readonly { name: string; description: string }[]) =>
    [
      "Here:",
      "  /help    this list",
      "  /exit    leave; also /quit and Ctrl-D",
      "  A line that ends in \\ goes on in the next one; pasted lines are one text, sent by Enter.",
      "  What you type while a turn runs is given to it.",
      "In the kernel:",
      ...commands.map(({ name, description }) => `  /${name}  ${description}`),
    ].join("\n"),
  ask: (sender: string, action: string) => `? ${sender} asks: ${action}`,
  subagent: (type: string) => `  on behalf of the subagent ${type}`,
  allow: (grant: string | null) =>
    grant === null
      ? "Allow it? y = yes, n = no, or say what to do instead: "
      : `Allow it? y = yes, a = always in this session (${grant}), n = no, or say what to do instead: `,
  noGrant: "This cannot be allowed for the session, only once.",
  unknownGrant: "like actions",
  question: (header: string, question: string) => (header === "" ? `? ${question}` : `? [${header}] ${question}`),
  option: (number: number, label: string, description: string) =>
    `  ${number}. ${label}${description === "" ? "" : `: ${description}`}`,
  choose: (multiple: boolean) =>
    multiple ? "Numbers with commas, or your own words: " : "A number, or your own words: ",
} as const;
