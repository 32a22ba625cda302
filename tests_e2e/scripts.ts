/** Lines of the scripted provider's language, for scripts with tool calls. */

/** A call of any tool. */
export function toolCall(id: string, name: string, args: unknown): string {
  return `tool_call: ${JSON.stringify({ id, name, arguments: JSON.stringify(args) })}`;
}

/** A call of Shell. */
export function shellCall(id: string, command: string, timeout = 60): string {
  return toolCall(id, "Shell", { command, timeout });
}

/** Two model calls: some text with one Shell call, then `done`. */
export function shellTurn(command: string, done = "done"): string[] {
  return [`text: before\n${shellCall("t1", command)}`, `text: ${done}`];
}
