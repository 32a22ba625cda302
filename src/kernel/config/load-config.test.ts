import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KernelError } from "../errors.js";
import { HOOK_EVENT_NAMES } from "../hooks/hook-event.js";
import type { IgnoredKey } from "./config-schema.js";
import { type ConfigSource, loadConfig } from "./load-config.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "kernel-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function messageOf(source: ConfigSource): string {
  try {
    loadConfig({ source });
  } catch (error) {
    expect(error).toBeInstanceOf(KernelError);
    expect(error).toMatchObject({ code: "config_invalid" });
    return (error as KernelError).message;
  }
  throw new Error("the configuration was accepted");
}
const fromText = (text: string) => loadConfig({ source: { kind: "text", text } });
const textError = (text: string) => messageOf({ kind: "text", text });

const provider = { type: "_scripted_echo", base_url: "", api_key: "" };
const model = { provider: "p", model: "scripted_echo", max_context_size: 1000 };
const usable = { default_model: "m", models: { m: model }, providers: { p: provider } };
const withModel = (change: object) => JSON.stringify({ ...usable, models: { m: { ...model, ...change } } });

describe("loadConfig: what is read", () => {
  it("reads the same from TOML and JSON text", () => {
    const toml = `
default_model = "m"
[models.m]
provider = "p"
model = "scripted_echo"
max_context_size = 1000
[providers.p]
type = "_scripted_echo"
base_url = ""
api_key = ""
[providers.p.env]
A = "1"
`;
    const json = JSON.stringify({ ...usable, providers: { p: { ...provider, env: { A: "1" } } } });
    expect(fromText(toml)).toEqual(fromText(json));
    expect(fromText(json)).toMatchObject({
      default_model: "m",
      models: { m: { ...model, capabilities: null, display_name: null } },
      providers: { p: { ...provider, env: { A: "1" }, custom_headers: {}, reasoning_key: null } },
    });
  });

  it("reads whether a server goes on with an assistant message, which none does by default", () => {
    const withKey = (more: object) =>
      fromText(JSON.stringify({ ...usable, providers: { p: { ...provider, ...more } } }));
    expect(withKey({ assistant_prefill: true }).providers.p?.assistant_prefill).toBe(true);
    expect(withKey({}).providers.p).not.toHaveProperty("assistant_prefill");
    expect(() => withKey({ assistant_prefill: "yes" })).toThrow("assistant_prefill");
  });

  it("fills in the published defaults", () => {
    expect(fromText("{}")).toEqual({
      default_model: "",
      default_thinking: false,
      default_yolo: false,
      default_plan_mode: false,
      models: {},
      providers: {},
      loop_control: {
        max_steps_per_turn: 1000,
        max_retries_per_step: 3,
        max_ralph_iterations: 0,
        reserved_context_size: 50_000,
        reserved_context_size_set: false,
        compaction_trigger_ratio: 0.85,
      },
      background: {
        max_running_tasks: 4,
        read_max_bytes: 30_000,
        notification_tail_lines: 20,
        notification_tail_chars: 3_000,
        wait_poll_interval_ms: 500,
        kill_grace_period_ms: 2_000,
        keep_alive_on_exit: false,
        agent_task_timeout_s: 900,
      },
      hooks: [],
      extra_skill_dirs: [],
      merge_all_available_skills: true,
      fetch: { allowed_private_hosts: [] },
      mcp: { client: { tool_call_timeout_ms: 60_000, connect_timeout_ms: 30_000, loading_wait_ms: 3_000 } },
      runtime: { kernel: null },
    });
  });

  it("reads hooks from TOML tables, with their defaults", () => {
    const hook = { event: "PreToolUse", command: "check" };
    expect(fromText('[[hooks]]\nevent = "PreToolUse"\ncommand = "check"\n').hooks).toEqual([
      { ...hook, matcher: "", timeout: 30, on_error: "allow" },
    ]);
    const whole = { ...hook, matcher: "Shell", timeout: 600, on_error: "block" };
    expect(fromText(JSON.stringify({ hooks: [whole] })).hooks).toEqual([whole]);
  });

  it("takes capabilities as a list and as an object of booleans", () => {
    expect(fromText(withModel({ capabilities: ["thinking", "image_in"] })).models.m?.capabilities).toEqual([
      "thinking",
      "image_in",
    ]);
    expect(fromText(withModel({ capabilities: { image_in: true, thinking: false } })).models.m?.capabilities).toEqual([
      "image_in",
    ]);
    expect(fromText(withModel({ capabilities: null })).models.m?.capabilities).toBeNull();
  });

  it("takes the older name of max_steps_per_turn, the newer one first", () => {
    expect(fromText('{"loop_control":{"max_steps_per_run":7}}').loop_control.max_steps_per_turn).toBe(7);
    const both = '{"loop_control":{"max_steps_per_run":7,"max_steps_per_turn":9}}';
    expect(fromText(both).loop_control.max_steps_per_turn).toBe(9);
  });

  it("remembers whether reserved_context_size was set", () => {
    const { loop_control } = fromText('{"loop_control":{"reserved_context_size":2000}}');
    expect(loop_control).toMatchObject({ reserved_context_size: 2000, reserved_context_size_set: true });
  });

  it("reads our own keys", () => {
    const config = fromText('fetch.allowed_private_hosts = ["localhost"]\nruntime.kernel = "in-process"');
    expect(config.fetch.allowed_private_hosts).toEqual(["localhost"]);
    expect(config.runtime.kernel).toBe("in-process");
  });

  it("reads files by suffix, and a byte order mark is no mistake", () => {
    const json = path.join(folder, "a.json");
    const toml = path.join(folder, "a.conf");
    writeFileSync(json, `\uFEFF${JSON.stringify(usable)}`);
    writeFileSync(toml, "default_yolo = true");
    expect(loadConfig({ source: { kind: "file", path: json } }).default_model).toBe("m");
    expect(loadConfig({ source: { kind: "file", path: toml } }).default_yolo).toBe(true);
  });

  it("reads the share folder's config.toml, else the older config.json, else uses defaults and creates nothing", () => {
    const source: ConfigSource = { kind: "default", shareDir: folder };
    expect(loadConfig({ source })).toEqual(fromText("{}"));
    writeFileSync(path.join(folder, "config.json"), '{"default_yolo":true}');
    expect(loadConfig({ source }).default_yolo).toBe(true);
    writeFileSync(path.join(folder, "config.toml"), "default_thinking = true");
    expect(loadConfig({ source })).toMatchObject({ default_yolo: false, default_thinking: true });
    const missing = path.join(folder, "not", "there");
    expect(loadConfig({ source: { kind: "default", shareDir: missing } }).default_model).toBe("");
  });
});

describe("loadConfig: what is refused", () => {
  it.each([
    ["{bad", /^Invalid configuration text: .* at line 1 column 2$/],
    ["[1,x", /^Invalid configuration text: .+/],
    ["a = ", /^Invalid configuration text: invalid value at line 1 column 5$/],
    ["", /^Invalid configuration text: it is empty$/],
    ["  \n", /^Invalid configuration text: it is empty$/],
    ["[]", /^Invalid configuration text: the whole must be a table$/],
    ["7", /^Invalid configuration text: the whole must be a table$/],
  ])("broken text %j", (text, expected) => {
    expect(textError(text)).toMatch(expected);
  });

  it.each([
    ['{"default_model":"x"}', "Default model x not found in models"],
    ['{"default_model":"constructor"}', "Default model constructor not found in models"],
    [JSON.stringify({ ...usable, providers: {} }), "Provider p not found in providers"],
    [withModel({ provider: "toString" }), "Provider toString not found in providers"],
    [withModel({ max_context_size: undefined }), "models.m.max_context_size is required"],
    [withModel({ max_context_size: 1.5 }), "models.m.max_context_size must be a whole number"],
    [withModel({ max_context_size: -1 }), "models.m.max_context_size must be at least 0"],
    [withModel({ capabilities: 3 }), "models.m.capabilities must be a list of names or an object of booleans"],
    [
      '{"providers":{"p":{"type":"x","base_url":"","api_key":""}}}',
      "providers.p.type must be one of kimi, openai_legacy, openai_responses, anthropic, google_genai, gemini, vertexai, _echo, _scripted_echo, _chaos",
    ],
    ['{"providers":{"p":{"type":"kimi","base_url":""}}}', "providers.p.api_key is required"],
    ['{"hooks":{}}', "hooks must be a list"],
    ['{"hooks":[{"event":"x","command":"x"}]}', `hooks.0.event must be one of ${HOOK_EVENT_NAMES.join(", ")}`],
    ['{"hooks":[{"event":"Stop"}]}', "hooks.0.command is required"],
    ['{"hooks":[{"event":"Stop","command":"x","timeout":0}]}', "hooks.0.timeout must be at least 1"],
    ['{"hooks":[{"event":"Stop","command":"x","timeout":601}]}', "hooks.0.timeout must be at most 600"],
    ['{"hooks":[{"event":"Stop","command":"x","on_error":"ask"}]}', "hooks.0.on_error must be one of allow, block"],
    ['{"loop_control":{"max_steps_per_turn":0}}', "loop_control.max_steps_per_turn must be at least 1"],
    ['{"loop_control":{"max_retries_per_step":0}}', "loop_control.max_retries_per_step must be at least 1"],
    ['{"loop_control":{"max_ralph_iterations":-2}}', "loop_control.max_ralph_iterations must be at least -1"],
    ['{"loop_control":{"reserved_context_size":999}}', "loop_control.reserved_context_size must be at least 1000"],
    ['{"loop_control":{"compaction_trigger_ratio":0.4}}', "loop_control.compaction_trigger_ratio must be at least 0.5"],
    ['{"loop_control":{"compaction_trigger_ratio":1}}', "loop_control.compaction_trigger_ratio must be at most 0.99"],
    ['{"default_yolo":"yes"}', "default_yolo must be true or false"],
    ['{"runtime":{"kernel":"x"}}', "runtime.kernel must be one of auto, sidecar, in-process"],
  ])("%s", (text, reason) => {
    expect(textError(text)).toBe(`Invalid configuration text: ${reason}`);
  });

  it("names the file", () => {
    const file = path.join(folder, "config.toml");
    writeFileSync(file, "default_model = 3");
    const expected = `Invalid configuration file ${file}: default_model must be a text`;
    expect(messageOf({ kind: "file", path: file })).toBe(expected);
    expect(messageOf({ kind: "default", shareDir: folder })).toBe(expected);
  });

  it("says that a file cannot be read", () => {
    const unread = (file: string, reason: string) => `Invalid configuration file ${file}: it cannot be read: ${reason}`;
    expect(messageOf({ kind: "file", path: folder })).toBe(unread(folder, "it is a folder"));
    const file = path.join(folder, "file");
    writeFileSync(file, "");
    expect(messageOf({ kind: "default", shareDir: file })).toBe(
      unread(path.join(file, "config.toml"), "a file stands in its path where a folder should be"),
    );
  });

  it.each(['{"providers":{"p":{"api_key":"sk-secret" x}}}', "api_key = sk-secret", '{"providers":{"p":"sk-secret"}}'])(
    "never quotes the text: %s",
    (text) => {
      expect(textError(text)).not.toContain("secret");
    },
  );
});

describe("loadConfig: what is tolerated", () => {
  it("tells of each key without effect which keys its table knows", () => {
    const text = JSON.stringify({ ...usable, defualt_model: "m", services: {}, loop_control: { x: 1 } });
    const keys: IgnoredKey[] = [];
    loadConfig({ source: { kind: "text", text }, onIgnoredKey: (key) => keys.push(key) });
    expect(keys).toEqual([
      { name: "defualt_model", isLater: false, known: expect.arrayContaining(["default_model", "models"]) },
      { name: "services", isLater: true, known: expect.any(Array) },
      { name: "loop_control.x", isLater: false, known: expect.arrayContaining(["max_steps_per_turn"]) },
    ]);
  });

  it("reports unknown keys, later keys and unknown capabilities, and stays silent about a screen's keys", () => {
    const warnings: string[] = [];
    const document = {
      ...usable,
      theme: "dark",
      services: {},
      hooks: [{ event: "Stop", command: "true", when: 1 }],
      zzz: 1,
      models: { m: { ...model, capabilities: ["smell"], cost: 1 } },
      loop_control: { x: 1 },
    };
    const config = loadConfig({
      source: { kind: "text", text: JSON.stringify(document) },
      onWarning: (sentence) => warnings.push(sentence),
    });
    expect(config.models.m?.capabilities).toEqual([]);
    expect(warnings).toEqual([
      "Configuration: services has no effect in this version.",
      "Configuration: unknown key zzz is ignored.",
      "Configuration: unknown key loop_control.x is ignored.",
      "Configuration: unknown key models.m.cost is ignored.",
      "Configuration: unknown key hooks.0.when is ignored.",
      "Configuration: unknown capability smell of model m is ignored.",
    ]);
  });

  it.skipIf(process.platform === "win32")("reports a file that others can read (modes exist on POSIX only)", () => {
    const file = path.join(folder, "c.toml");
    writeFileSync(file, "");
    const warnings: string[] = [];
    const load = () => loadConfig({ source: { kind: "file", path: file }, onWarning: (s) => warnings.push(s) });
    chmodSync(file, 0o600);
    load();
    expect(warnings).toEqual([]);
    chmodSync(file, 0o644);
    load();
    expect(warnings).toEqual([`Configuration: others can read ${file}; run chmod 600 on it.`]);
  });
});
