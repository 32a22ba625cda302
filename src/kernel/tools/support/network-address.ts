/** Which hosts and addresses may be fetched: the public internet. An unknown range is refused. */
import { BlockList, isIP, isIPv4 } from "node:net";

const NOT_PUBLIC_V4 = blockList("ipv4", [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
]);

/** Global unicast; loopback, link-local, unique-local, multicast, IPv4-mapped and -compatible lie outside of it. */
const GLOBAL_V6 = blockList("ipv6", [["2000::", 3]]);

/** Parts of 2000::/3 that are documentation, benchmarks, or carry an IPv4 address (Teredo, 6to4). */
const NOT_PUBLIC_V6 = blockList("ipv6", [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
]);

/** True for an IPv4 or IPv6 address of the public internet; false for all other addresses and for what is none. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  if (isIPv4(address)) return !NOT_PUBLIC_V4.check(address, "ipv4");
  return GLOBAL_V6.check(address, "ipv6") && !NOT_PUBLIC_V6.check(address, "ipv6");
}

/** Gives the URL, null when the text is none. */
export function parseUrl(text: string, base?: URL): URL | null {
  return URL.canParse(text, base?.href) ? new URL(text, base) : null;
}

/** The host of a URL as DNS and sockets take it: without the brackets of an IPv6 address and a final dot. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}

/** True when the URL's host was allowed by name, as `host` or as `host:port`. */
export function isAllowedHost(url: URL, allowed: ReadonlySet<string>): boolean {
  return allowed.has(bareHost(url)) || allowed.has(url.hostname) || allowed.has(url.host);
}

function blockList(family: "ipv4" | "ipv6", subnets: ReadonlyArray<readonly [string, number]>): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, family);
  return list;
}
