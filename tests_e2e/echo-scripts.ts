/** Builds scripts of the scripted provider: one script is one model call, one line is one part of its stream. */

export function script(...lines: string[]): string {
  return lines.join("\n");
}

export function say(text: string): string {
  return `text: ${JSON.stringify(text)}`;
}

/** A whole tool call; `args` as an object or as the raw text. */
export function call(id: string, name: string, args: Record<string, unknown> | string | null = {}): string {
  const text = args === null || typeof args === "string" ? args : JSON.stringify(args);
  return `tool_call: ${JSON.stringify({ id, name, arguments: text })}`;
}

export function shell(id: string, command: string, more: Record<string, unknown> = {}): string {
  return call(id, "Shell", { command, ...more });
}

export function usage(figures: Record<string, number>): string {
  return `usage: ${JSON.stringify(figures)}`;
}
