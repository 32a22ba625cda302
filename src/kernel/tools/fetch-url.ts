import * as z from "zod/mini";
import type { HttpPage } from "./support/http-get.js";
import { visibleText } from "./support/visible-text.js";
import { defineTool, type ToolReturn, toolError, toolOk } from "./tool.js";

const TIMEOUT_MS = 30_000;
const MAX_BODY_BYTES = 5_000_000;
/** What the model gets at most; a page is not worth a whole context. */
const MAX_OUTPUT_CHARS = 50_000;

/** Loads a good part of Node's network code, which a kernel that only lists the tool must not wait for. */
const network = () => import("./support/http-get.js");

const BRIEFS = {
  refused: "URL refused",
  redirected: "Redirected elsewhere",
  too_many_redirects: "Too many redirects",
  timeout: "Fetch timed out",
  failed: "Fetch failed",
} as const;

/** Fetches a public web page as text. Nothing leaves the machine before the approval, no name lookup either. */
export const fetchUrl = defineTool({
  name: "FetchURL",
  description: "Fetch a web page as text.",
  parameters: z.object({ url: z.string() }),
  listed: ["url"],
  async prepare(args, context) {
    const { parseUrl } = await import("./support/network-address.js");
    const { checkUrl, httpGet } = await network();
    const url = parseUrl(args.url);
    if (url === null) return toolError(`\`${visibleText(args.url)}\` is not a URL.`, "Invalid URL");
    const { allowedPrivateHosts } = context;
    try {
      checkUrl(url, allowedPrivateHosts);
    } catch (error) {
      return await failed(error);
    }
    return {
      ask: {
        action: "fetch url",
        description: `Fetch \`${visibleText(url.href)}\``,
        display: [],
        subject: { kind: "fetch", host: url.host },
      },
      effect: "net",
      async execute({ signal }) {
        try {
          const limits = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BODY_BYTES };
          return await asResult(await httpGet(url, { allowedPrivateHosts, signal, ...limits }));
        } catch (error) {
          return await failed(error);
        }
      },
    };
  },
});

async function asResult(page: HttpPage): Promise<ToolReturn> {
  if (page.status < 200 || page.status > 299) {
    const status = `HTTP ${page.status}${page.statusText === "" ? "" : ` ${page.statusText}`}`;
    return toolError(`Failed to fetch URL. Status: ${status}.`, status);
  }
  const type = page.contentType.split(";")[0]?.trim() ?? "";
  if (!isText(type, page.body)) {
    return toolError(`The URL gives \`${visibleText(type)}\`, which is not text.`, "Not text");
  }
  const raw = decode(page);
  const isHtml = type === "text/html" || type === "application/xhtml+xml";
  const text = isHtml ? (await import("./support/html-text.js")).htmlToText(raw, page.url) : raw;
  const sentences: string[] = [];
  if (text.trim() === "") sentences.push("The page has no readable text.");
  if (page.cut) sentences.push(`The body was cut at ${MAX_BODY_BYTES} bytes.`);
  if (text.length <= MAX_OUTPUT_CHARS) return toolOk(text, sentences.join(" "));
  sentences.push("Output is truncated to fit in the message.");
  return toolOk(
    `${text.slice(0, MAX_OUTPUT_CHARS).replace(/[\ud800-\udbff]$/, "")}[...truncated]`,
    sentences.join(" "),
  );
}

function isText(type: string, body: Buffer): boolean {
  if (type === "") return !body.subarray(0, 8192).includes(0);
  return /^text\/|^application\/((.+\+)?(json|xml|yaml)|x-yaml|toml|javascript|ecmascript|x-ndjson|x-sh)$|^image\/svg\+xml$/.test(
    type,
  );
}

/** By the charset of the header, else UTF-8; an unknown name is read as UTF-8. */
function decode(page: HttpPage): string {
  const charset = /charset\s*=\s*"?([^\s";]+)/.exec(page.contentType)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset).decode(page.body);
  } catch {
    return new TextDecoder().decode(page.body);
  }
}

async function failed(error: unknown): Promise<ToolReturn> {
  const { HttpGetError } = await network();
  if (!(error instanceof HttpGetError)) throw error;
  return toolError(error.message, BRIEFS[error.code]);
}
