import type { Parser as TreeSitterParser } from "web-tree-sitter";
import { errorMessage } from "../errors.js";
import { type Logger, silentLogger } from "../logger.js";
import { type GrammarFiles, readGrammar } from "./grammar-files.js";
import { hasHiddenCharacter } from "./hidden-characters.js";
import { NotSimple, type SimpleCommand, simpleCommands } from "./simple-command-tree.js";

/** A command line as argv lists, or the plain reason why it was not fully understood. */
export type ParsedCommand =
  | { kind: "simple"; commands: readonly SimpleCommand[] }
  | { kind: "complex"; reason: string };

export interface CommandParser {
  /** Never throws, and ends within the parser's budget. */
  parse(command: string): ParsedCommand;
  /** Frees the parser's memory; every later command is complex. Idempotent. */
  close(): void;
}

export interface CommandParserOptions {
  /** Where the grammar lies; null (not found) makes every command complex. */
  grammar: GrammarFiles | null;
  logger?: Logger;
  /** Milliseconds one parse may take. Default 50. */
  budgetMs?: number;
}

const MAX_BYTES = 10_240;

/**
 * Loads web-tree-sitter and the bash grammar. Never rejects: when they cannot be loaded, the parser calls every
 * command complex and the log says why. The caller closes the parser.
 */
export async function createCommandParser(options: CommandParserOptions): Promise<CommandParser> {
  const logger = options.logger ?? silentLogger;
  try {
    if (options.grammar === null) throw new Error("the grammar files were not found");
    return new TreeCommandParser(await loadTreeSitter(options.grammar), options.budgetMs ?? 50, logger);
  } catch (error) {
    logger.warn({ error: errorMessage(error) }, "the command parser could not be loaded; no grant covers a command");
    return { parse: () => ({ kind: "complex", reason: "the command parser is not available" }), close: () => {} };
  }
}

/** A parse function that loads the parser at its first call. Never rejects. `close` frees it. */
export function lazyCommandParser(
  options: Omit<CommandParserOptions, "grammar"> & {
    grammar: () => Promise<GrammarFiles | null>;
  },
): { parse(command: string): Promise<ParsedCommand>; close(): void } {
  let parser: Promise<CommandParser> | null = null;
  let closed = false;
  const load = async () => {
    const grammar = await options.grammar().catch(() => null);
    return createCommandParser({ ...options, grammar });
  };
  return {
    parse: async (command) => {
      if (closed) return { kind: "complex", reason: "the command parser is closed" };
      parser ??= load();
      return (await parser).parse(command);
    },
    close: () => {
      closed = true;
      void parser?.then((loaded) => loaded.close());
    },
  };
}

/**
 * The library keeps one wasm instance for the whole process and two concurrent `init` calls would replace it under
 * the first caller. So the one `init` is kept beside the library's own singleton, keyed by it.
 */
const runtimes = new WeakMap<typeof TreeSitterParser, Promise<void>>();

async function loadTreeSitter(grammar: GrammarFiles): Promise<TreeSitterParser> {
  const [{ Parser, Language }, bytes] = await Promise.all([import("web-tree-sitter"), readGrammar(grammar)]);
  let runtime = runtimes.get(Parser);
  if (runtime === undefined) {
    const wasmBinary = bytes.runtime;
    // locateFile keeps the library from resolving a path of its own; with wasmBinary given, nothing is read from it.
    runtime = Parser.init({ wasmBinary, locateFile: (name: string) => name } as Parameters<typeof Parser.init>[0]);
    runtimes.set(Parser, runtime);
  }
  try {
    await runtime;
  } catch (error) {
    runtimes.delete(Parser);
    throw error;
  }
  const parser = new Parser();
  parser.setLanguage(await Language.load(bytes.bash));
  return parser;
}

class TreeCommandParser implements CommandParser {
  #parser: TreeSitterParser | null;
  readonly #budgetMs: number;
  readonly #logger: Logger;

  constructor(parser: TreeSitterParser, budgetMs: number, logger: Logger) {
    this.#parser = parser;
    this.#budgetMs = budgetMs;
    this.#logger = logger;
  }

  parse(command: string): ParsedCommand {
    // The length in characters is checked first: counting the bytes of a huge string costs time of its own.
    if (command.length > MAX_BYTES || Buffer.byteLength(command) > MAX_BYTES) return complex("it is too long");
    if (hasHiddenCharacter(command)) return complex("it has a line break, a tab or a hidden character");
    if (this.#parser === null) return complex("the command parser is not available");
    try {
      return this.#parseTree(this.#parser, command);
    } catch (error) {
      if (error instanceof NotSimple) return complex(error.message);
      // After a trap the wasm memory is not to be trusted any more.
      this.#parser = null;
      this.#logger.error({ error: errorMessage(error) }, "the command parser failed and is not used any more");
      return complex("the command parser failed");
    }
  }

  #parseTree(parser: TreeSitterParser, command: string): ParsedCommand {
    const deadline = performance.now() + this.#budgetMs;
    parser.reset();
    const tree = parser.parse(command, null, { progressCallback: () => performance.now() >= deadline });
    if (tree === null) return complex("parsing it took too long");
    try {
      return { kind: "simple", commands: simpleCommands(tree.rootNode, command) };
    } finally {
      tree.delete();
    }
  }

  close(): void {
    this.#parser?.delete();
    this.#parser = null;
  }
}

function complex(reason: string): ParsedCommand {
  return { kind: "complex", reason };
}
