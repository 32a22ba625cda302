/** Which errors of the SDK mean what. */
export type McpSdk = typeof import("@modelcontextprotocol/client");

/** True when the server wants credentials that are not there, or refuses those that are. */
export function isUnauthorized(sdk: McpSdk, error: unknown): boolean {
  if (error instanceof sdk.UnauthorizedError || error instanceof sdk.OAuthError) return true;
  if (error instanceof sdk.SdkHttpError) return error.status === 401;
  return error instanceof sdk.SseError && error.code === 401;
}
