import type { Metafile } from "esbuild";

export function buildBundle(outdir?: string): Promise<Metafile>;
export function buildUnbundled(outdir?: string): Promise<void>;
