/** What the host in a base URL says about the server behind it. */

/** True when the host is this machine. `hostname` as in URL, IPv6 with or without brackets. */
export function isLoopbackHost(hostname: string): boolean {
  const host = bare(hostname);
  return (
    host === "localhost" ||
    host.endsWith(".localhost") ||
    host === "::1" ||
    host === "0.0.0.0" ||
    /^127(?:\.\d+){3}$/.test(host)
  );
}

/** True for this machine and for private networks: a model server of one's own, slow to prefill and small. */
export function isLocalHost(hostname: string): boolean {
  const host = bare(hostname);
  if (isLoopbackHost(host)) return true;
  if (host.includes(":")) return /^(?:f[cd]|fe[89ab])/.test(host);
  if (/^[\d.]+$/.test(host)) {
    return /^(?:10|192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(host);
  }
  return !host.includes(".") || /\.(?:local|lan|internal|home|home\.arpa)$/.test(host);
}

function bare(hostname: string): string {
  return hostname.toLowerCase().replace(/^\[|\]$/g, "");
}
