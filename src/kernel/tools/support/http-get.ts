/**
 * One guarded HTTP GET: the address that was checked is the address that is connected to, redirects stay on the host
 * that was approved, and time and size are bounded.
 */
import { lookup as dnsLookup } from "node:dns";
import * as http from "node:http";
import * as https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { bareHost, isAllowedHost, isPublicAddress, parseUrl } from "./network-address.js";

type HttpGetCode = "refused" | "redirected" | "too_many_redirects" | "timeout" | "failed";

/** Why nothing was fetched; the message is a sentence for the model. */
export class HttpGetError extends Error {
  readonly code: HttpGetCode;

  constructor(code: HttpGetCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "HttpGetError";
    this.code = code;
  }
}

export interface HttpGetOptions {
  /** Hosts whose address may be loopback, private or link-local. */
  allowedPrivateHosts: ReadonlySet<string>;
  signal: AbortSignal;
  /** Bound of the whole call, redirects included, in milliseconds. */
  timeoutMs: number;
  /** The decoded body is cut here. */
  maxBytes: number;
  /** Replaces the system's resolver in tests. */
  lookup?: typeof dnsLookup;
}

export interface HttpPage {
  /** Where the body came from, after redirects. */
  url: URL;
  status: number;
  statusText: string;
  /** The Content-Type header in lower case, "" when there was none. */
  contentType: string;
  body: Buffer;
  /** True when the body was longer than maxBytes. */
  cut: boolean;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Refuses, without connecting, a URL that is not plain http(s) or whose host is an address that may not be reached.
 * Throws HttpGetError refused.
 */
export function checkUrl(url: URL, allowedPrivateHosts: ReadonlySet<string>): void {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new HttpGetError("refused", "Only http and https URLs can be fetched.");
  }
  if (url.username !== "" || url.password !== "") {
    throw new HttpGetError("refused", "URLs with a user name or password are not fetched.");
  }
  const host = bareHost(url);
  // Node does not look an address up, so the lookup below would never see it.
  const isLocal = isIP(host) !== 0 ? !isPublicAddress(host) : /(^|\.)localhost$/.test(host);
  if (isLocal && !isAllowedHost(url, allowedPrivateHosts)) throw notPublic(url, host);
}

/**
 * Gets a page. Any status that is no redirect is returned. Throws HttpGetError, or the signal's reason on abort.
 * No socket is left open.
 */
export async function httpGet(start: URL, options: HttpGetOptions): Promise<HttpPage> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([options.signal, timeout]);
  try {
    let url = start;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      signal.throwIfAborted();
      checkUrl(url, options.allowedPrivateHosts);
      const answer = await getOnce(url, options, signal);
      if (!("location" in answer)) return answer;
      url = redirectTarget(url, answer.location);
    }
    throw new HttpGetError("too_many_redirects", `More than ${MAX_REDIRECTS} redirects.`);
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    if (timeout.aborted) throw new HttpGetError("timeout", `No complete answer within ${options.timeoutMs / 1000} s.`);
    if (error instanceof HttpGetError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw new HttpGetError("failed", `The request failed: ${code ?? (error as Error).message}.`, error);
  }
}

function redirectTarget(from: URL, location: string): URL {
  const to = parseUrl(location, from);
  if (to === null) throw new HttpGetError("failed", "The server redirects to something that is no URL.");
  if (to.host !== from.host || (from.protocol === "https:" && to.protocol !== "https:")) {
    throw new HttpGetError("redirected", `The server redirects to ${to.href}. Fetch that URL if you need it.`);
  }
  return to;
}

function getOnce(url: URL, options: HttpGetOptions, signal: AbortSignal): Promise<HttpPage | { location: string }> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? https : http).get(url, {
      // A socket of its own: a pooled one might lead to an address of an earlier check.
      agent: false,
      lookup: checkedLookup(url, options),
      signal,
      headers: {
        accept: "text/html,text/plain,application/json;q=0.9,*/*;q=0.5",
        "accept-encoding": "gzip, deflate, br",
        "user-agent": "wire-kernel",
      },
    });
    request.on("error", reject);
    request.on("response", (response) => {
      const location = response.headers.location;
      if (REDIRECTS.has(response.statusCode ?? 0) && location !== undefined) {
        request.destroy();
        resolve({ location });
        return;
      }
      readBody(response, options.maxBytes)
        .then(({ body, cut }) => ({
          url,
          status: response.statusCode ?? 0,
          statusText: response.statusMessage ?? "",
          contentType: (response.headers["content-type"] ?? "").toLowerCase(),
          body,
          cut,
        }))
        .then(resolve, reject)
        .finally(() => request.destroy());
    });
  });
}

/** Resolves the name once, refuses it when any of its addresses may not be reached, and connects to these only. */
function checkedLookup(url: URL, { allowedPrivateHosts, lookup = dnsLookup }: HttpGetOptions): LookupFunction {
  return (hostname, lookupOptions, callback) => {
    lookup(hostname, { family: lookupOptions.family ?? 0, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "", 0);
      const refused = addresses.find(({ address }) => !isPublicAddress(address));
      if (refused !== undefined && !isAllowedHost(url, allowedPrivateHosts)) {
        return callback(notPublic(url, refused.address), "", 0);
      }
      const [first] = addresses;
      if (first === undefined) return callback(new HttpGetError("failed", "The host has no address."), "", 0);
      if (lookupOptions.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function notPublic(url: URL, address: string): HttpGetError {
  const where = address === bareHost(url) ? "is" : `leads to ${address},`;
  return new HttpGetError(
    "refused",
    `${url.hostname} ${where} a loopback, private or reserved address, which is not fetched unless the user allowed this host in the configuration.`,
  );
}

function decoded(response: http.IncomingMessage): Readable {
  switch (response.headers["content-encoding"]?.toLowerCase()) {
    case undefined:
    case "":
    case "identity":
      return response;
    case "gzip":
    case "x-gzip":
      return through(response, createGunzip());
    case "deflate":
      return through(response, createInflate());
    case "br":
      return through(response, createBrotliDecompress());
    default:
      throw new HttpGetError("failed", "The server answers in an unknown content encoding.");
  }
}

function through(source: Readable, decoder: NodeJS.ReadWriteStream & Readable): Readable {
  source.on("error", (error) => decoder.destroy(error));
  source.pipe(decoder);
  return decoder;
}

async function readBody(response: http.IncomingMessage, maxBytes: number): Promise<{ body: Buffer; cut: boolean }> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of decoded(response) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    total += chunk.length;
    if (total > maxBytes) return { body: Buffer.concat(chunks, total).subarray(0, maxBytes), cut: true };
  }
  return { body: Buffer.concat(chunks, total), cut: false };
}
