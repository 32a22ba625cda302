/** The MCP tools that are listed to the model: they join once, at the start of a turn, and keep their places. */
import type { ToolDefinition } from "../providers/provider.js";
import type { CallableTool } from "../tools/toolset.js";
import { McpTool, type McpToolDeps } from "./mcp-tool.js";
import type { OfferedTool } from "./offered-tool.js";

const MAX_NAME_CHARS = 64;

interface Joined {
  offered: readonly OfferedTool[];
  tools: readonly McpTool[];
}

export class JoinedTools {
  /** True for names of built-in tools and of the client's own. */
  readonly #isReserved: (name: string) => boolean;
  /** By server, in the order of joining. */
  readonly #joined = new Map<string, Joined>();

  constructor(isReserved: (name: string) => boolean) {
    this.#isReserved = isReserved;
  }

  /**
   * Lists the tools of one server behind all others; a list that is already there is replaced in its place, and kept
   * when it is the same. A name that is taken becomes `<server>__<tool>`; a tool whose name is taken even then is left
   * out. Gives one plain sentence for each tool that has another name or none.
   */
  join(offered: readonly OfferedTool[], deps: McpToolDeps): string[] {
    const server = deps.server.name;
    const before = this.#joined.get(server);
    if (before !== undefined && JSON.stringify(before.offered) === JSON.stringify(offered)) return [];
    const others = [...this.#joined].filter(([name]) => name !== server).flatMap(([, { tools }]) => tools);
    const taken = new Set(others.map((tool) => tool.name));
    const notices: string[] = [];
    const tools: McpTool[] = [];
    for (const tool of offered) {
      const wanted = [plainName(tool.remoteName), plainName(`${server}__${tool.remoteName}`)];
      const name = wanted.find((each) => !taken.has(each) && !this.#isReserved(each));
      if (name === undefined) notices.push(`tool ${plainName(tool.remoteName)} is left out: its name is taken`);
      else if (name !== wanted[0]) notices.push(`tool ${wanted[0]} is listed as ${name}: its name is taken`);
      if (name === undefined) continue;
      taken.add(name);
      tools.push(new McpTool(name, tool, deps));
    }
    this.#joined.set(server, { offered, tools });
    return notices;
  }

  /** Names under which the tools of a server are listed; empty before it has joined. */
  names(server: string): string[] {
    return (this.#joined.get(server)?.tools ?? []).map((tool) => tool.name);
  }

  /** In listing order. A name that the client took since is the client's. */
  get definitions(): ToolDefinition[] {
    return this.#visible().map((tool) => tool.definition);
  }

  find(name: string): CallableTool | null {
    return this.#visible().find((tool) => tool.name === name) ?? null;
  }

  #visible(): McpTool[] {
    return [...this.#joined.values()].flatMap(({ tools }) => tools).filter((tool) => !this.#isReserved(tool.name));
  }
}

/** What every model API takes as the name of a function. */
function plainName(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, MAX_NAME_CHARS);
}
