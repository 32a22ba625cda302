/** The initialize method: registers what the client offers and says what this kernel can do. */
import type { ExtensionName } from "../../wire/generated/extensions.gen.js";
import { PROTOCOL_VERSION } from "../../wire/generated/tables.gen.js";
import type { InitializeParams, InitializeResult } from "../../wire/generated/types.gen.js";
import type { HookList } from "../hooks/hook-list.js";
import type { ClientCapabilities, ClientName, KernelRuntime } from "../kernel.js";
import type { SkillSet } from "../skills/skill.js";
import { skillCommandInfos } from "../skills/skill-catalog.js";
import { BUILTIN_COMMANDS } from "../slash/command-list.js";

export interface InitializeDeps {
  /** Loads what is behind the wire; asked only when the client offers tools. */
  runtime: () => Promise<KernelRuntime>;
  skills: () => Promise<SkillSet>;
  version: string;
  hooks: HookList;
  /** Told who the client is, for the User-Agent and the log. */
  onClient: (client: ClientName) => void;
  /** The extensions that this client can have. */
  extensions: readonly ExtensionName[];
  /** Told which extensions are on from now on; and what the client can show, when it said so. */
  onCapabilities: (capabilities: Partial<ClientCapabilities> & Pick<ClientCapabilities, "extensions">) => void;
}

/** Answers with this kernel's own version whatever the client claims. Only what works today is announced. */
export async function initialize(params: InitializeParams, deps: InitializeDeps): Promise<InitializeResult> {
  if (params.client !== undefined && params.client !== null) {
    const { name, version } = params.client;
    deps.onClient(version === undefined || version === null ? { name } : { name, version });
  }
  const offered = params.external_tools ?? [];
  const outcome = offered.length === 0 ? null : await (await deps.runtime()).externalTools.register(offered);
  deps.hooks.introduce(params.hooks ?? []);
  const commands = [...Object.values(BUILTIN_COMMANDS), ...skillCommandInfos(await deps.skills())];
  const { supports_question, supports_plan_mode, extensions: wanted = [] } = params.capabilities ?? {};
  const extensions = deps.extensions.filter((name) => wanted.includes(name));
  const shows = { question: supports_question ?? false, planMode: supports_plan_mode ?? false };
  deps.onCapabilities({ ...(params.capabilities == null ? {} : shows), extensions: new Set(extensions) });
  return {
    protocol_version: PROTOCOL_VERSION,
    server: { name: "wire-kernel", version: deps.version },
    slash_commands: commands.map((command) => ({ ...command, aliases: [...command.aliases] })),
    ...(outcome === null ? {} : { external_tools: outcome }),
    hooks: deps.hooks.summary(),
    capabilities: { supports_question: true, ...(wanted.length === 0 ? {} : { extensions }) },
  };
}
