import type { Metafile } from "esbuild";

export const START_ENTRIES: readonly string[];
export function staticClosure(outputs: Metafile["outputs"], entries: readonly string[]): string[];
