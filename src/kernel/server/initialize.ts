/** The initialize method: registers what the client offers and says what this kernel can do (wire.md 2.2). */
import { PROTOCOL_VERSION } from "../../wire/generated/tables.gen.js";
import type { InitializeParams, InitializeResult } from "../../wire/generated/types.gen.js";
import type { SlashCommand } from "../slash/slash-command.js";
import type { ExternalTools } from "../tools/external-tool.js";

export interface InitializeDeps {
  commands: readonly SlashCommand[];
  externalTools: ExternalTools;
  version: string;
  /** Told who the client is, for the User-Agent and the log. */
  onClient: (client: { name: string; version: string | null }) => void;
}

/** Answers with this kernel's own version whatever the client claims. Only what works today is announced. */
export async function initialize(params: InitializeParams, deps: InitializeDeps): Promise<InitializeResult> {
  if (params.client !== undefined && params.client !== null) {
    deps.onClient({ name: params.client.name, version: params.client.version ?? null });
  }
  const offered = params.external_tools ?? [];
  const outcome = offered.length === 0 ? null : await deps.externalTools.register(offered);
  return {
    protocol_version: PROTOCOL_VERSION,
    server: { name: "wire-kernel", version: deps.version },
    slash_commands: deps.commands.map(({ name, description, aliases }) => ({
      name,
      description,
      aliases: [...aliases],
    })),
    ...(outcome === null ? {} : { external_tools: outcome }),
    hooks: { supported_events: [], configured: {} },
    capabilities: { supports_question: false },
  };
}
