export const scripts: Readonly<Record<"plain" | "tool" | "tools" | "think" | "json" | "done", string>>;

export function writeScriptGguf(file: string): Promise<void>;
