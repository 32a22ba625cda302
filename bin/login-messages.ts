/** What `kernel login` and `kernel logout` say. */
import type { LoginErrorCode } from "../src/kernel/login/login-error.js";

type Data = Readonly<Record<string, string | number>>;

const errors: Readonly<Record<LoginErrorCode, (data: Data) => string>> = {
  no_base_url: ({ provider }) => `Nothing is known of the provider '${provider}'; name its API with --base-url.`,
  bad_base_url: ({ provider }) => `The address of '${provider}' must be http(s) and hold no user name or password.`,
  type_without_list: ({ provider, type }) =>
    `A key cannot be verified with providers of the type ${type}; write it into config.toml under providers.${provider}.`,
  unreachable: ({ host }) => `${host} cannot be reached; the key was not stored.`,
  too_slow: ({ host, seconds }) => `${host} did not answer within ${seconds} s; the key was not stored.`,
  key_refused: ({ host, status }) => `${host} refused the key (HTTP ${status}); it was not stored.`,
  no_model_list: ({ host, status }) =>
    `${host} has no model list under this address (HTTP ${status}), so the key cannot be verified; it was not stored.`,
  server_failed: ({ host, status }) => `${host} answered HTTP ${status}; the key was not stored.`,
  not_a_list: ({ host }) => `${host} answered with something that is no model list; the key was not stored.`,
  no_models: ({ host }) => `The key gives no model on ${host}; it was not stored.`,
  model_not_listed: ({ provider, model }) => `'${provider}' has no model '${model}' for this key; it was not stored.`,
};

export const loginMessages = {
  loginDescription: "Verify and store the API key of a provider",
  logoutDescription: "Remove the stored API key of a provider",
  error: (code: LoginErrorCode, data: Data) => errors[code](data),
  noKey:
    "Signing in with an account is not supported: this kernel works with API keys. Set KERNEL_LOGIN_API_KEY, or pipe the key in with --api-key-stdin.",
  badKey: "The API key must be one line of visible ASCII characters.",
  keyTooLate: "No API key came on stdin.",
  unexpectedWord: "No free words are expected here; the key is taken from KERNEL_LOGIN_API_KEY or stdin only.",
  asking: (host: string) => `Asking ${host} for its models.`,
  rewritten: (path: string) => `${path} was written anew; its comments could not be kept.`,
  assumedSize: (model: string, tokens: number) =>
    `The server does not say how much ${model} can read; ${tokens} tokens are assumed (max_context_size in the file).`,
  otherDefault: (model: string) => `The model in use stays ${model}; choose another with --model.`,
  stored: (provider: string, path: string, model: string) =>
    `The key of '${provider}' works and is stored in ${path}. Model: ${model}.`,
  removed: (provider: string, path: string) => `The key of '${provider}' is removed from ${path}.`,
  nothingStored: (provider: string) => `No key of '${provider}' is stored.`,
  remaining: (providers: readonly string[]) =>
    `Keys of other providers are still stored: ${providers.join(", ")} (kernel logout --provider NAME).`,
} as const;
