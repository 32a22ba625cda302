/**
 * From a bash syntax tree to argv lists. It knows a handful of node types and gives up on everything else, and it
 * proves that these nodes cover the whole text: what lies between them is plain spaces.
 */
import type { Node } from "web-tree-sitter";

export interface SimpleCommand {
  argv: readonly [string, ...string[]];
  /** Its stdin is the output of another command of the line. */
  stdinPiped: boolean;
}

/** More commands than this in a line are not looked at. */
const MAX_COMMANDS = 50;
const MAX_NODES = 4_000;

/** Why a command line is not simple; `message` is the reason in plain words. */
export class NotSimple extends Error {}

// ASCII only: some builds of bash split unquoted words at bytes that are part of a UTF-8 letter.
const PLAIN_WORD = /^[A-Za-z0-9_@%+=:,./^-]+$/;
const PROGRAM = /^[A-Za-z0-9_./+][A-Za-z0-9_./+-]*$/;
const RESERVED: ReadonlySet<string> = new Set(
  "if then elif else fi for in until while do done case esac coproc select function time".split(" "),
);

/** The commands of the line in order of appearance. `source` is the text the tree was made from. Throws NotSimple. */
export function simpleCommands(root: Node, source: string): SimpleCommand[] {
  if (root.hasError) throw new NotSimple("it is not valid bash");
  if (root.type !== "program") throw new NotSimple("it is not a program");
  if (root.descendantCount > MAX_NODES) throw new NotSimple("it is too large");
  const commands: SimpleCommand[] = [];
  const walk = new TreeWalk(source, commands);
  walk.plainBlanks(0, root.startIndex);
  walk.plainBlanks(root.endIndex, source.length);
  walk.statements(root, ";");
  if (commands.length === 0) throw new NotSimple("it is empty");
  return commands;
}

class TreeWalk {
  readonly #source: string;
  readonly #commands: SimpleCommand[];
  // From the order of the operators, not from the tree: its grammar puts `a | b && c` into one pipeline.
  #afterPipe = false;

  constructor(source: string, commands: SimpleCommand[]) {
    this.#source = source;
    this.#commands = commands;
  }

  plainBlanks(from: number, to: number): void {
    if (!/^ *$/.test(this.#source.slice(from, to))) throw new NotSimple("part of it was not understood");
  }

  /** Children of a program, a list or a pipeline: statements with one of the given operators (space separated) between. */
  statements(parent: Node, operators: string): void {
    const allowed = operators.split(" ");
    let expectStatement = true;
    for (const child of this.#childrenInOrder(parent)) {
      if (!child.isNamed) {
        if (expectStatement || !allowed.includes(child.type)) throw new NotSimple(`it uses ${child.type}`);
        this.#afterPipe = child.type === "|";
        expectStatement = true;
      } else {
        if (!expectStatement) throw new NotSimple("two commands have no operator between them");
        this.#statement(child);
        expectStatement = false;
      }
    }
    if (expectStatement && parent.type !== "program") throw new NotSimple("an operator has no command after it");
  }

  #statement(node: Node): void {
    if (node.type === "command") this.#command(node);
    else if (node.type === "list") this.statements(node, "&& ||");
    else if (node.type === "pipeline") this.statements(node, "|");
    else throw new NotSimple(`it uses ${node.type.replaceAll("_", " ")}`);
  }

  #command(node: Node): void {
    if (this.#commands.length === MAX_COMMANDS) throw new NotSimple(`it has more than ${MAX_COMMANDS} commands`);
    const [name, ...rest] = this.#childrenInOrder(node);
    const word = name?.type === "command_name" && name.childCount === 1 ? name.child(0) : null;
    // A quoted program name hides what runs, so it has to be a bare word.
    if (word?.type !== "word" || !PROGRAM.test(this.#text(word)) || RESERVED.has(this.#text(word)))
      throw new NotSimple("its program is not a plain word");
    const args = rest.map((argument) => this.#argument(argument));
    this.#commands.push({ argv: [this.#text(word), ...args], stdinPiped: this.#afterPipe });
  }

  #argument(node: Node): string {
    if (node.type !== "concatenation") return this.#piece(node);
    let end = node.startIndex;
    let value = "";
    for (const child of childrenOf(node)) {
      if (child.startIndex !== end) throw new NotSimple("part of a word was not understood");
      value += this.#piece(child);
      end = child.endIndex;
    }
    if (end !== node.endIndex) throw new NotSimple("part of a word was not understood");
    return value;
  }

  #piece(node: Node): string {
    const text = this.#text(node);
    if (node.type === "word" || node.type === "number") {
      if (!PLAIN_WORD.test(text)) throw new NotSimple("a word has a special character outside quotes");
      return text;
    }
    const inside = text.slice(1, -1);
    if (node.type === "raw_string" && text.length >= 2 && text === `'${inside}'` && !inside.includes("'"))
      return inside;
    if (node.type === "string" && text.length >= 2 && text === `"${inside}"`) {
      const plain = childrenOf(node).every((child) => child.type === "string_content" || child.type === '"');
      if (plain && !/["$`\\!]/.test(inside)) return inside;
    }
    throw new NotSimple(`it uses ${node.type.replaceAll("_", " ")}`);
  }

  #text(node: Node): string {
    return this.#source.slice(node.startIndex, node.endIndex);
  }

  #childrenInOrder(parent: Node): Node[] {
    const children = childrenOf(parent);
    let end = parent.startIndex;
    for (const child of children) {
      this.plainBlanks(end, child.startIndex);
      end = child.endIndex;
    }
    this.plainBlanks(end, parent.endIndex);
    return children;
  }
}

function childrenOf(node: Node): Node[] {
  return node.children.map((child) => {
    if (child === null) throw new NotSimple("part of it was not understood");
    return child;
  });
}
