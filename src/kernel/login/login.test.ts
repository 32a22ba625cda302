import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../config/load-config.js";
import { type LoginOptions, login } from "./login.js";
import { loginTarget } from "./login-target.js";
import { logout } from "./logout.js";

const LIST = {
  data: [
    { id: "big", context_length: 200_000, supports_reasoning: true, supports_image_in: true },
    { id: "small", max_model_len: 8_192 },
    { id: "mute" },
  ],
};

let shareDir: string;
let server: Server;
let baseUrl: string;
/** What the server answers, and what it was asked. */
let answer: { status: number; body: string; location?: string };
let asked: { url: string | undefined; key: string | undefined; header: unknown }[];

beforeEach(async () => {
  shareDir = mkdtempSync(join(tmpdir(), "kernel-login-"));
  answer = { status: 200, body: JSON.stringify(LIST) };
  asked = [];
  server = createServer(({ url, headers }, response) => {
    asked.push({ url, key: headers.authorization, header: headers["x-team"] });
    if (answer.status === 0) return;
    response.writeHead(answer.status, answer.location === undefined ? {} : { location: answer.location });
    response.end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterEach(async () => {
  rmSync(shareDir, { recursive: true, force: true });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const file = () => join(shareDir, "config.toml");
const config = () => loadConfig({ source: { kind: "default", shareDir } });
const attempt = (options: Partial<LoginOptions> = {}) =>
  login({
    ...{ shareDir, provider: "house", baseUrl, model: null, apiKey: "sk-secret", timeoutMs: 5_000 },
    onAsking: () => {},
    ...options,
  });

describe("a key that works", () => {
  test("provider, model and default are stored in a file of the owner alone", async () => {
    const outcome = await attempt();
    expect(asked).toEqual([{ url: "/v1/models", key: "Bearer sk-secret", header: undefined }]);
    expect(outcome).toMatchObject({
      path: file(),
      rewritten: false,
      models: 3,
      defaultModel: "big",
      modelChosen: true,
    });
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(config()).toMatchObject({
      default_model: "big",
      models: {
        big: { provider: "house", model: "big", max_context_size: 200_000, capabilities: ["thinking", "image_in"] },
      },
      providers: { house: { type: "openai_legacy", base_url: baseUrl, api_key: "sk-secret" } },
    });
  });

  test("a named model becomes the default; a size that is not told is assumed, and said", async () => {
    expect(await attempt({ model: "mute" })).toMatchObject({
      defaultModel: "mute",
      assumed: { model: "mute", contextSize: 100_000 },
    });
    expect(await attempt({ model: "small" })).toMatchObject({ defaultModel: "small", assumed: null });
    expect(config()).toMatchObject({ default_model: "small", models: { small: { max_context_size: 8_192 } } });
  });

  test("a new key for a provider that is there changes the key and nothing else", async () => {
    const text = `# mine
default_model = "other" # daily

[models.other]
provider = "else"
model = "x"
max_context_size = 1

[models.own]
provider = "house"
model = "small"
max_context_size = 77

[providers.else]
type = "kimi"
base_url = "http://127.0.0.1:1/v1"
api_key = "k"

[providers.house]
type = "kimi"
base_url = "${baseUrl}"
api_key = "old" # rotate monthly
custom_headers = { x-team = "blue" }
`;
    writeFileSync(file(), text);
    chmodSync(file(), 0o644);
    const outcome = await attempt({ baseUrl: null });
    expect(outcome).toMatchObject({ modelChosen: false, defaultModel: "other", rewritten: false });
    expect(asked[0]?.header).toBe("blue");
    expect(readFileSync(file(), "utf8")).toBe(text.replace('"old"', '"sk-secret"'));
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  test("config.json is changed when only that is there; a linked file stays linked", async () => {
    const json = join(shareDir, "config.json");
    const target = join(shareDir, "elsewhere.json");
    writeFileSync(target, '{"theme":"dark"}');
    symlinkSync(target, json);
    await attempt();
    expect(JSON.parse(readFileSync(target, "utf8"))).toMatchObject({ theme: "dark", default_model: "big" });
    expect(readFileSync(json, "utf8")).toBe(readFileSync(target, "utf8"));
  });
});

describe("a key that is not stored", () => {
  test.each<readonly [what: string, status: number, body: string, code: string]>([
    ["refused", 401, '{"error":"sk-secret is wrong"}', "key_refused"],
    ["forbidden", 403, "", "key_refused"],
    ["no such place", 404, "<html>", "no_model_list"],
    ["a failing server", 503, "", "server_failed"],
    ["a redirect, which is not followed", 302, "", "server_failed"],
    ["no JSON", 200, "<html>", "not_a_list"],
    ["another shape", 200, '{"models":[]}', "not_a_list"],
    ["an empty list", 200, '{"data":[{"id":""},5]}', "no_models"],
    ["more than a list", 200, `{"data":[${" ".repeat(5 * 1024 * 1024)}]}`, "not_a_list"],
  ])("%s", async (_what, status, body, code) => {
    answer = { status, body, ...(status === 302 ? { location: `${baseUrl}/elsewhere` } : {}) };
    const error = await attempt().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code });
    expect(JSON.stringify(error)).not.toContain("sk-secret");
    expect(() => statSync(file())).toThrow("ENOENT");
    expect(asked).toHaveLength(1);
  });

  test("a server that says nothing, and one that is not there", async () => {
    answer = { status: 0, body: "" };
    await expect(attempt({ timeoutMs: 100 })).rejects.toMatchObject({ code: "too_slow" });
    await expect(attempt({ baseUrl: "http://127.0.0.1:9/v1" })).rejects.toMatchObject({ code: "unreachable" });
  });

  test("a model that is not in the list", async () => {
    await expect(attempt({ model: "huge" })).rejects.toMatchObject({ code: "model_not_listed" });
    expect(() => statSync(file())).toThrow("ENOENT");
  });

  test("a configuration that cannot be read is left as it is", async () => {
    writeFileSync(file(), "[providers\n");
    await expect(attempt()).rejects.toMatchObject({ code: "config_invalid" });
    expect(readFileSync(file(), "utf8")).toBe("[providers\n");
    expect(asked).toEqual([]);
  });
});

describe("where to ask", () => {
  const target = (provider: string, address: string | null = null) =>
    loginTarget(config(), { provider, baseUrl: address });

  test("what is known of the name, the configuration before it, the flag before both", () => {
    expect(target("managed:kimi-code")).toMatchObject({ type: "kimi", baseUrl: expect.stringMatching(/^https:/) });
    writeFileSync(
      file(),
      '[providers."managed:kimi-code"]\ntype="openai_legacy"\nbase_url="http://a/v1/"\napi_key=""\n',
    );
    expect(target("managed:kimi-code")).toMatchObject({ type: "openai_legacy", baseUrl: "http://a/v1" });
    expect(target("managed:kimi-code", "http://b")).toMatchObject({ baseUrl: "http://b" });
  });

  test.each([
    ["house", null, "no_base_url"],
    ["house", "ftp://x/v1", "bad_base_url"],
    ["house", "nonsense", "bad_base_url"],
    ["house", "https://me:pass@x/v1", "bad_base_url"],
    ["constructor", null, "no_base_url"],
  ] as const)("%s at %j: %s", (provider, address, code) => {
    expect(() => target(provider, address)).toThrow(expect.objectContaining({ code }));
  });

  test("a type without such a list", () => {
    writeFileSync(file(), '[providers.claude]\ntype="anthropic"\nbase_url="http://a"\napi_key=""\n');
    expect(() => target("claude")).toThrow(expect.objectContaining({ code: "type_without_list" }));
  });
});

describe("logout", () => {
  test("removes the key and keeps the rest; a second one has nothing to do", async () => {
    await attempt();
    const before = readFileSync(file(), "utf8");
    expect(logout({ shareDir, provider: "house" })).toEqual({
      changed: { path: file(), rewritten: false },
      remaining: [],
    });
    expect(readFileSync(file(), "utf8")).toBe(before.replace('"sk-secret"', '""'));
    expect(logout({ shareDir, provider: "house" })).toEqual({ changed: null, remaining: [] });
  });

  test("names the keys that stay, and makes no file", async () => {
    expect(logout({ shareDir, provider: "house" }).changed).toBeNull();
    expect(() => statSync(file())).toThrow("ENOENT");
    await attempt();
    expect(logout({ shareDir, provider: "managed:kimi-code" })).toEqual({ changed: null, remaining: ["house"] });
  });
});
