import { describe, expect, it } from "vitest";
import type { KernelConfig } from "./config.js";
import { loadConfig } from "./load-config.js";
import { type ResolveModelOptions, resolveModel } from "./resolve-model.js";

const echo = { type: "_scripted_echo", base_url: "", api_key: "" };
const kimi = { type: "kimi", base_url: "http://file/v1", api_key: "file-key" };
const openai = { type: "openai_legacy", base_url: "http://file/v1", api_key: "file-key" };
const model = (provider: string, change: object = {}) => ({
  provider,
  model: "file-model",
  max_context_size: 1000,
  ...change,
});
const config = (document: object): KernelConfig =>
  loadConfig({ source: { kind: "text", text: JSON.stringify(document) } });
const both = config({
  default_model: "k",
  models: { k: model("kimi"), o: model("openai"), e: model("echo", { model: "scripted_echo" }) },
  providers: { kimi, openai, echo: { ...echo, env: { KIMI_SCRIPTED_ECHO_SCRIPTS: "/from/file" } } },
});
const resolve = (options: Partial<ResolveModelOptions> & { model?: string; thinking?: boolean }) =>
  resolveModel({
    config: both,
    env: {},
    ...options,
    flags: { model: options.model ?? null, thinking: options.thinking ?? null },
  });

describe("resolveModel: which model", () => {
  it("takes the flag's alias before default_model", () => {
    expect(resolve({})?.alias).toBe("k");
    expect(resolve({ model: "o" })).toMatchObject({ alias: "o", provider: { type: "openai_legacy" } });
  });

  it.each(["nope", "constructor", "__proto__"])(
    "has none for the unknown alias %s, whatever the environment",
    (name) => {
      expect(resolve({ model: name })).toBeNull();
      expect(resolve({ model: name, env: { KIMI_BASE_URL: "http://e", KIMI_MODEL_NAME: "m" } })).toBeNull();
    },
  );

  it("has none when a network provider lacks its base URL or its model name", () => {
    const incomplete = config({
      default_model: "a",
      models: { a: model("empty"), b: model("kimi", { model: "" }) },
      providers: { kimi, empty: { ...kimi, base_url: "" } },
    });
    expect(resolve({ config: incomplete })).toBeNull();
    expect(resolve({ config: incomplete, model: "b" })).toBeNull();
    expect(resolve({ config: incomplete, env: { KIMI_BASE_URL: "http://e" } })).not.toBeNull();
  });

  it("asks an echo provider for neither", () => {
    expect(resolve({ model: "e", env: { KERNEL_MODEL_NAME: "x", KERNEL_BASE_URL: "http://e" } })).toMatchObject({
      model: { model: "scripted_echo" },
      provider: { base_url: "" },
      env: { KIMI_SCRIPTED_ECHO_SCRIPTS: "/from/file" },
    });
  });
});

describe("resolveModel: environment", () => {
  const environment = {
    KIMI_BASE_URL: "http://env/v1",
    KIMI_API_KEY: "env-key",
    KIMI_MODEL_NAME: "env-model",
    KIMI_MODEL_MAX_CONTEXT_SIZE: "32768",
    KIMI_MODEL_CAPABILITIES: "image_in, Thinking,smell",
    KIMI_MODEL_TEMPERATURE: "0",
    KIMI_MODEL_TOP_P: "0.5",
    KIMI_MODEL_MAX_TOKENS: "64",
  };

  it("is stronger than the file for the published names of a kimi provider", () => {
    expect(resolve({ env: environment })).toMatchObject({
      provider: { base_url: "http://env/v1", api_key: "env-key" },
      model: { model: "env-model", max_context_size: 32_768 },
      capabilities: new Set(["image_in", "thinking"]),
      temperature: 0,
      topP: 0.5,
      maxTokens: 64,
    });
  });

  it("describes a whole model when nothing else does", () => {
    const nothing = config({});
    expect(resolve({ config: nothing })).toBeNull();
    expect(resolve({ config: nothing, env: { KIMI_BASE_URL: "http://e" } })).toBeNull();
    const found = resolve({ config: nothing, env: { KIMI_BASE_URL: "http://e", KIMI_MODEL_NAME: "m" } });
    expect(found).toMatchObject({ alias: "m", provider: { type: "kimi", api_key: "" }, model: { model: "m" } });
    expect(resolve({ config: nothing, env: environment, model: "env-model" })?.alias).toBe("env-model");
  });

  it("is weaker than a flag: a model named on the command line keeps its name, window and capabilities", () => {
    expect(resolve({ env: environment, model: "k" })).toMatchObject({
      model: { model: "file-model", max_context_size: 1000 },
      provider: { base_url: "http://env/v1" },
      capabilities: new Set(),
    });
  });

  it("prefers our own name, which counts for every network provider", () => {
    const env = { ...environment, KERNEL_BASE_URL: "http://own/v1", KERNEL_MODEL_NAME: "own", KERNEL_MODEL_TOP_P: "1" };
    expect(resolve({ env })).toMatchObject({
      provider: { base_url: "http://own/v1" },
      model: { model: "own" },
      topP: 1,
    });
    const found = resolve({ config: { ...both, default_model: "o" }, env });
    expect(found).toMatchObject({ provider: { base_url: "http://own/v1", api_key: "file-key" }, temperature: null });
  });

  it("uses the OPENAI names for openai providers and leaves the KIMI names to kimi", () => {
    const env = {
      ...environment,
      OPENAI_BASE_URL: "http://openai/v1",
      OPENAI_API_KEY: "openai-key",
      OPENAI_MODEL_NAME: "x",
    };
    expect(resolve({ model: "o", env })).toMatchObject({
      provider: { base_url: "http://openai/v1", api_key: "openai-key" },
      model: { model: "file-model" },
      maxTokens: null,
    });
    expect(resolve({ env })?.provider.base_url).toBe("http://env/v1");
  });

  it("lays provider.env over the environment it was given and leaves both as they were", () => {
    const withEnv = config({
      default_model: "k",
      models: { k: model("p") },
      providers: { p: { ...kimi, env: { KIMI_API_KEY: "overlay", A: "1" } } },
    });
    const env = { KIMI_API_KEY: "outer", A: "0", B: "2", C: undefined };
    const found = resolve({ config: withEnv, env });
    expect(found?.provider.api_key).toBe("overlay");
    expect(found?.env).toEqual({ KIMI_API_KEY: "overlay", A: "1", B: "2" });
    expect(env.A).toBe("0");
    expect(withEnv.providers.p?.api_key).toBe("file-key");
  });

  it("treats empty values as not set", () => {
    const env = { KERNEL_BASE_URL: "", KIMI_BASE_URL: " ", KIMI_MODEL_MAX_TOKENS: "" };
    expect(resolve({ env })).toMatchObject({ provider: { base_url: "http://file/v1" }, maxTokens: null });
  });

  it.each([
    ["KIMI_MODEL_MAX_CONTEXT_SIZE", "many", "a whole number above 0"],
    ["KERNEL_MODEL_MAX_TOKENS", "0", "a whole number above 0"],
    ["KIMI_MODEL_TEMPERATURE", "warm", "a number of at least 0"],
  ])("refuses %s=%s", (name, value, expected) => {
    expect(() => resolve({ env: { [name]: value } })).toThrow(`Invalid environment: ${name} must be ${expected}`);
  });
});

describe("resolveModel: capabilities and thinking", () => {
  const named = (name: string, change: object = {}) =>
    config({
      default_model: "m",
      default_thinking: true,
      models: { m: model("kimi", { model: name, ...change }) },
      providers: { kimi },
    });

  it.each([
    ["Kimi-K2-Thinking", ["thinking", "always_thinking"]],
    ["deepseek-reasoner", ["thinking", "always_thinking"]],
    ["kimi-for-coding", ["thinking", "image_in", "video_in"]],
    ["kimi-code", ["thinking", "image_in", "video_in"]],
    ["plain", []],
  ])("derives them from the name %s", (name, expected) => {
    expect(resolve({ config: named(name) })?.capabilities).toEqual(new Set(expected));
  });

  it("thinks by flag, else by default_thinking, and only when the model can", () => {
    const can = named("m", { capabilities: ["thinking"] });
    expect(resolve({ config: can })?.thinking).toBe(true);
    expect(resolve({ config: can, thinking: false })?.thinking).toBe(false);
    expect(resolve({ config: { ...can, default_thinking: false } })?.thinking).toBe(false);
    expect(resolve({ config: { ...can, default_thinking: false }, thinking: true })?.thinking).toBe(true);
    expect(resolve({ config: named("m"), thinking: true })?.thinking).toBe(false);
    expect(resolve({ config: named("a-reasoner"), thinking: false })?.thinking).toBe(true);
  });
});
