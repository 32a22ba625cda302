import { describe, expect, it } from "vitest";
import { htmlToText } from "./html-text.js";

const base = new URL("https://example.com/dir/page");
const text = (html: string) => htmlToText(html, base);

describe("htmlToText", () => {
  it("keeps title, headings, paragraphs, lists and links", () => {
    const page = `<!doctype html><html><head><title> A &amp;
      B </title><style>p{}</style><script>if (a < b) "</p>"</script></head>
      <body><h1>Head</h1><p>One  <b>two</b>,
      three.</p><ul><li>first</li><li><p>second</p></li></ul>
      <a href="../up?x=1&amp;y=2"> a <i>link</i> </a> and <a href="#top">none</a>
      <a href="javascript:alert(1)">js</a><!-- <p>hidden</p> --></body></html>`;
    expect(text(page)).toBe(
      "A & B\n\n# Head\n\nOne two, three.\n\n- first\n- second\n\n[a link](https://example.com/up?x=1&y=2) and none js",
    );
  });

  it("keeps white space in pre, cells apart, alt texts and line breaks", () => {
    expect(text("<pre>a\n  b &lt;c&gt;\n</pre>x<br>y")).toBe("a\n  b <c>\n\nx\ny");
    expect(text("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>")).toBe("a b\nc");
    expect(text('<p>see <img alt="a dog" src=x> here</p>')).toBe("see a dog here");
  });

  it.each([
    ["a < b && c > d", "a < b && c > d"],
    ["<", "<"],
    ["<p", ""],
    ["<p title='a>b'>x", "x"],
    ["x<!-- open", "x"],
    ["<script>never closed", ""],
    ["<title>t", "t"],
    ["</p></div>x", "x"],
    ["<a href='/x'>open", "open"],
    ["&#65;&#x42;&unknown;&nbsp;&#0;&#9999999;", "AB&unknown; \ufffd\ufffd"],
    ["<SCRIPT>x</sCrIpT >y", "y"],
    ["<scripty>x</scripty>", "x"],
    ["a<br><br>b", "a\n\nb"],
    ["<ul><li></li><li>x</li></ul>", "-\n- x"],
    ["<div><div>a</div></div><div>b</div>", "a\nb"],
    ["", ""],
  ])("%j gives %j", (html, expected) => {
    expect(text(html)).toBe(expected);
  });

  it.each([
    ["open tags", "<a ".repeat(300_000)],
    ["open links", "<a href=x>y".repeat(200_000)],
    ["spaces in pre", `<pre>${" ".repeat(2_000_000)}x`],
    ["angle brackets", "<".repeat(2_000_000)],
    ["open quotes", '<a b="'.repeat(300_000)],
    ["open comments", "<!--".repeat(500_000)],
    ["open scripts", "<script>".repeat(300_000)],
    ["ampersands", "&".repeat(2_000_000)],
    ["closing scripts", "<script></scriptx".repeat(100_000)],
  ])("stays linear on %s", (_, html) => {
    const began = performance.now();
    text(html);
    expect(performance.now() - began).toBeLessThan(4_000);
  });
});
