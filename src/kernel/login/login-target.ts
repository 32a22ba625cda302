/** Which provider a login is for: flags before the configuration before what is known of the name. */
import type { KernelConfig, ProviderType } from "../config/config.js";
import { LoginError } from "./login-error.js";

export interface LoginTarget {
  provider: string;
  type: ProviderType;
  baseUrl: string;
  headers: Readonly<Record<string, string>>;
}

/** The name under which published clients look whether somebody is logged in. */
export const DEFAULT_PROVIDER = "managed:kimi-code";

const KNOWN: Readonly<Record<string, { type: ProviderType; baseUrl: string }>> = {
  [DEFAULT_PROVIDER]: { type: "kimi", baseUrl: "https://api.kimi.com/coding/v1" },
  "managed:moonshot-ai": { type: "kimi", baseUrl: "https://api.moonshot.ai/v1" },
  "managed:moonshot-cn": { type: "kimi", baseUrl: "https://api.moonshot.cn/v1" },
  openai: { type: "openai_legacy", baseUrl: "https://api.openai.com/v1" },
};

/** Types whose servers list their models under `<base_url>/models` for a bearer key. */
const LISTED: ReadonlySet<ProviderType> = new Set(["kimi", "openai_legacy", "openai_responses"]);

/** Throws LoginError when there is no usable address, or the type has no model list that a key can be tried on. */
export function loginTarget(config: KernelConfig, flags: { provider: string; baseUrl: string | null }): LoginTarget {
  const { provider } = flags;
  const configured = Object.hasOwn(config.providers, provider) ? config.providers[provider] : undefined;
  const known = Object.hasOwn(KNOWN, provider) ? KNOWN[provider] : undefined;
  const type = configured?.type ?? known?.type ?? "openai_legacy";
  if (!LISTED.has(type)) throw new LoginError("type_without_list", { provider, type });
  const baseUrl = flags.baseUrl ?? (configured?.base_url || known?.baseUrl || "");
  if (baseUrl === "") throw new LoginError("no_base_url", { provider });
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null;
  // Access data in an address would be shown with it, in logs and errors.
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new LoginError("bad_base_url", { provider });
  }
  return { provider, type, baseUrl: baseUrl.replace(/\/+$/, ""), headers: configured?.custom_headers ?? {} };
}
