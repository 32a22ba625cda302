/** Which built-in tools an agent has: the default ones, those that its file lists, all but those it takes away. */
import { loadDefaultTools, loadTool } from "./registry.js";
import type { Tool } from "./tool.js";

export interface Loadout {
  /** null: the default loadout, and what is not listed in it can be called too. */
  readonly toolNames: readonly string[] | null;
  readonly excluded: ReadonlySet<string>;
}

/** False: for this agent there is no such built-in tool. */
export function isPermitted(name: string, loadout: Loadout | null): boolean {
  if (loadout === null) return true;
  return !loadout.excluded.has(name) && (loadout.toolNames === null || loadout.toolNames.includes(name));
}

/** The tools to list, default ones first and in their order, so that a prompt prefix does not depend on a file's order. */
export async function loadLoadout(loadout: Loadout | null): Promise<Tool[]> {
  const usual = (await loadDefaultTools()).filter((tool) => isPermitted(tool.name, loadout));
  const more = (loadout?.toolNames ?? []).filter((name) => !usual.some((tool) => tool.name === name));
  const others = await Promise.all(more.map(loadTool));
  return [...usual, ...others.filter((tool) => tool !== null)];
}
