/** An isolated home, share folder, work dir and model configuration for one kernel under test. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

export interface Workspace {
  home: string;
  share: string;
  workDir: string;
  /** Config file of the scripted provider; see `scripts`. */
  configFile: string;
}

export interface WorkspaceOptions {
  /** One script per model call, in the echo DSL. */
  scripts?: readonly string[];
  /** Keys merged into the config file. */
  config?: Record<string, unknown>;
  capabilities?: readonly string[];
  maxContextSize?: number;
}

/** Makes the folders and the config; all of it is removed when the test ends. */
export function createWorkspace(options: WorkspaceOptions = {}): Workspace {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "kernel-e2e-")));
  onTestFinished(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
  const home = join(root, "home");
  const workDir = join(root, "work");
  const share = join(home, ".kimi");
  for (const dir of [home, workDir, share]) mkdirSync(dir, { recursive: true });
  const scriptFile = join(root, "scripts.json");
  writeFileSync(scriptFile, JSON.stringify(options.scripts ?? []));
  const configFile = join(root, "config.json");
  writeFileSync(configFile, JSON.stringify({ ...scriptedConfig(scriptFile, options), ...options.config }));
  return { home, share, workDir, configFile };
}

/** Replaces the scripts for kernels that start from now on. */
export function setScripts(workspace: Workspace, scripts: readonly string[]): void {
  writeFileSync(join(dirname(workspace.configFile), "scripts.json"), JSON.stringify(scripts));
}

function scriptedConfig(scriptFile: string, options: WorkspaceOptions): Record<string, unknown> {
  return {
    default_model: "scripted",
    models: {
      scripted: {
        provider: "scripted",
        model: "scripted_echo",
        max_context_size: options.maxContextSize ?? 100_000,
        capabilities: options.capabilities ?? [],
      },
    },
    providers: {
      scripted: {
        type: "_scripted_echo",
        base_url: "",
        api_key: "",
        env: { KIMI_SCRIPTED_ECHO_SCRIPTS: scriptFile },
      },
    },
  };
}
