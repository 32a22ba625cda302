/**
 * Reduces HTML to text a model can read: title, headings, paragraphs, lists, links, code. One pass over the tags, no
 * tree, nothing is executed or fetched; broken markup gives broken text, never an error.
 */
import { parseUrl } from "./network-address.js";

const SKIPPED: ReadonlySet<string> = new Set([
  "script",
  "style",
  "noscript",
  "template",
  "svg",
  "iframe",
  "object",
  "select",
]);
const BLOCKS: ReadonlySet<string> = new Set(
  "address article aside blockquote br dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tr ul".split(
    " ",
  ),
);
const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  copy: "©",
  reg: "®",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
  bull: "•",
  middot: "·",
  times: "×",
  laquo: "«",
  raquo: "»",
};

/** Gives the readable text of a page. Links become `[text](absolute url)`, headings `# `, list items `- `. */
export function htmlToText(html: string, base: URL): string {
  const writer = new TextWriter();
  let title = "";
  let link: { href: string; at: number } | null = null;
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf("<", at);
    if (open === -1) break;
    writer.text(html.slice(at, open));
    if (html.startsWith("<!--", open)) {
      at = after(html, "-->", open + 4);
      continue;
    }
    const tag = readTag(html, open);
    if (tag === null) {
      writer.text("<");
      at = open + 1;
      continue;
    }
    at = tag.end;
    if (tag.opens && tag.name === "title") {
      const end = closingTag(html, "title", at);
      title ||= decodeEntities(html.slice(at, end)).replace(/\s+/g, " ").trim();
      at = after(html, ">", end);
    } else if (tag.opens && SKIPPED.has(tag.name)) {
      at = after(html, ">", closingTag(html, tag.name, at));
    } else if (tag.name === "a") {
      if (link !== null) writer.wrapLink(link.at, link.href);
      const href = tag.opens ? absoluteLink(attribute(tag.source, "href"), base) : null;
      link = href === null ? null : { href, at: writer.mark() };
    } else if (tag.name === "img") {
      writer.text(attribute(tag.source, "alt"));
    } else if (BLOCKS.has(tag.name)) {
      writer.block(tag.name, tag.opens);
    } else if (tag.name === "td" || tag.name === "th") {
      writer.text(" ");
    }
  }
  writer.text(html.slice(at));
  const body = writer.finish();
  return `${title}\n\n${body}`.trim();
}

class TextWriter {
  #out: string[] = [];
  #pre = false;
  #lineEmpty = true;
  #space = false;

  text(raw: string): void {
    if (raw === "") return;
    const text = decodeEntities(raw);
    if (this.#pre) {
      this.#out.push(text);
      this.#lineEmpty = text.endsWith("\n");
      return;
    }
    const words = text.replace(/\s+/g, " ");
    if (words.startsWith(" ")) this.#space = true;
    const trimmed = words.trim();
    if (trimmed === "") return;
    if (this.#space && !this.#lineEmpty) this.#out.push(" ");
    this.#out.push(trimmed);
    this.#lineEmpty = false;
    this.#space = words.endsWith(" ");
  }

  block(name: string, opens: boolean): void {
    if (name === "pre") this.#pre = opens;
    const wide = /^(p|h[1-6]|pre|ul|ol|table|blockquote|section|article)$/.test(name);
    const behindMarker = /^(- |#+ )$/.test(this.#out.at(-1) ?? "");
    // `<li><p>`: the text belongs behind the dash.
    if (!(behindMarker && opens)) {
      if (wide) this.#out.push("\n\n");
      else if (name === "br" || behindMarker || !this.#lineEmpty) this.#out.push("\n");
    }
    this.#lineEmpty = true;
    this.#space = false;
    if (!opens) return;
    if (name === "li") this.#out.push("- ");
    if (/^h[1-6]$/.test(name)) this.#out.push(`${"#".repeat(Number(name[1]))} `);
  }

  mark(): number {
    // The space before a link belongs before its bracket.
    if (this.#space && !this.#lineEmpty) this.#out.push(" ");
    this.#space = false;
    return this.#out.length;
  }

  wrapLink(at: number, href: string): void {
    const text = this.#out.splice(at).join("");
    const label = text.trim();
    this.#out.push(label === "" || label === href ? text : `[${label}](${href})`);
  }

  finish(): string {
    // trimEnd per line: a pattern for spaces before a newline is quadratic on a long run of spaces.
    const lines = this.#out.join("").split("\n");
    return lines
      .map((line) => line.trimEnd())
      .join("\n")
      .replace(/\n{3,}/g, "\n\n")
      .trim();
  }
}

function readTag(html: string, open: number): { name: string; opens: boolean; source: string; end: number } | null {
  const opens = html[open + 1] !== "/";
  const first = html.charCodeAt(open + (opens ? 1 : 2)) | 32;
  const declaration = html[open + 1] === "!" || html[open + 1] === "?";
  if (!declaration && !(first >= 97 && first <= 122)) return null;
  let quote = "";
  let end = open + 1;
  for (; end < html.length; end++) {
    const character = html[end] ?? "";
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if ((character === '"' || character === "'") && html[end - 1] === "=") quote = character;
    else if (character === ">") break;
  }
  const source = html.slice(open, end);
  const name = /^<\/?([a-z][a-z0-9]*)/i.exec(source)?.[1]?.toLowerCase() ?? "";
  return { name, opens, source, end: end + 1 };
}

function closingTag(html: string, name: string, from: number): number {
  const pattern = new RegExp(`</${name}(?![a-z0-9])`, "gi");
  pattern.lastIndex = from;
  return pattern.exec(html)?.index ?? html.length;
}

function after(html: string, mark: string, from: number): number {
  const found = html.indexOf(mark, from);
  return found === -1 ? html.length : found + mark.length;
}

function attribute(source: string, name: string): string {
  const match = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, "i").exec(source);
  return match?.[1] ?? match?.[2] ?? match?.[3] ?? "";
}

function absoluteLink(href: string, base: URL): string | null {
  if (href === "" || href.startsWith("#")) return null;
  const url = parseUrl(decodeEntities(href), base);
  return url !== null && /^(https?|mailto):$/.test(url.protocol) ? url.href : null;
}

function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const code = Number.parseInt(decimal ?? hex, decimal === undefined ? 16 : 10);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
  });
}
