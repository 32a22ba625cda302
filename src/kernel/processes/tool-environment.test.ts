import { describe, expect, it } from "vitest";
import { toolEnvironment } from "./tool-environment.js";

const kept = [
  ...["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "SHELL", "PWD", "OLDPWD", "HTTP_PROXY", "https_proxy"],
  ...[
    "KEYBOARD_LAYOUT",
    "TOKENIZERS_PARALLELISM",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "VIRTUAL_ENV",
    "MONKEY",
    "COMPASS",
  ],
  ...["GIT_AUTHOR_NAME", "GIT_COMMITTER_EMAIL", "CARGO_HOME", "ENVIRONMENT", "PREFIX", "GOPATH", "SECRETARY_NAME"],
];

const removed = [
  ...["OPENAI_API_KEY", "APIKEY", "KIMI_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"],
  ...["GITHUB_TOKEN", "GH_TOKEN", "NPM_TOKEN", "npm_config_//registry.example/:_authToken", "npm_config__auth"],
  ...["CLIENT_SECRET", "DB_PASSWORD", "PGPASSWORD", "PASSWD", "MYSQL_PWD", "DB_PASS", "SSHPASS", "GPG_PASSPHRASE"],
  ...["GOOGLE_APPLICATION_CREDENTIALS", "SIGNING_KEYS", "SESSION_COOKIE", "MY_JWT", "github_token", "Service.Token"],
  ...["LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "NODE_OPTIONS", "PYTHONPATH", "PYTHONSTARTUP"],
  ...["PYTHONHOME", "BASH_ENV", "ENV", "PROMPT_COMMAND", "BASH_FUNC_ls%%", "GIT_DIR", "GIT_SSH_COMMAND"],
  ...["GIT_CONFIG_COUNT", "GIT_ASKPASS", "EDITOR", "VISUAL", "RUSTC_WRAPPER", "PERL5OPT", "RUBYOPT", "PS4", "IFS"],
  ...["JAVA_TOOL_OPTIONS", "LESSOPEN", "RIPGREP_CONFIG_PATH", "SSH_ASKPASS"],
];

describe("toolEnvironment", () => {
  it.each(kept)("keeps %s", (name) => {
    expect(toolEnvironment({ [name]: "value" })[name]).toBe("value");
  });

  it.each(removed)("removes %s", (name) => {
    expect(toolEnvironment({ [name]: "value" })).not.toHaveProperty([name]);
  });

  it("keeps programs from asking and paging, whatever was inherited", () => {
    const env = toolEnvironment({
      TERM: "xterm-256color",
      PAGER: "sh -c evil",
      GIT_PAGER: "less",
      GIT_TERMINAL_PROMPT: "1",
    });
    expect(env).toMatchObject({ TERM: "dumb", PAGER: "cat", GIT_PAGER: "cat", GIT_TERMINAL_PROMPT: "0" });
  });

  it("leaves its argument alone and drops unset names", () => {
    const env = Object.freeze({ PATH: "/bin", GH_TOKEN: "x", EMPTY: undefined });
    expect(toolEnvironment(env)).not.toHaveProperty("EMPTY");
    expect(env).toEqual({ PATH: "/bin", GH_TOKEN: "x", EMPTY: undefined });
  });
});
