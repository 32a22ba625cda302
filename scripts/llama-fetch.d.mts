export function ensureLlamaServer(options?: {
  folder?: string;
  env?: NodeJS.ProcessEnv;
}): Promise<{ command: string } | { unavailable: string }>;
