/** What is said about words of the command line that are no modes; apart, because every start reads messages.ts. */
export const subcommandMessages = {
  commandNotYet: (name: string) => `The command '${name}' is not part of this version.`,
  noSuchCommand: (name: string) =>
    `No such command '${name}'. A prompt goes behind -p, in quotes: kernel -p "..." (see kernel --help).`,
  noSuchOption: (name: string) => `No such option: ${name}`,
  otherCommand: (name: string, meant: string) => `No such command '${name}'. Did you mean kernel ${meant}?`,
  noValue: (name: string) => `Option '${name}' requires an argument.`,
  noSuchChoice: (name: string, given: string, choices: string) =>
    `Invalid value for ${name}: '${given}' is not one of ${choices}.`,
  unexpectedWord: (word: string, command: string) => `'${word}' is not expected here (see kernel ${command} --help).`,
  didYouMean: (name: string) => `Did you mean ${name}?`,
  infoDescription: "Show versions",
  demoDescription: "Run one prompt in a scratch folder and show what happens",
} as const;
