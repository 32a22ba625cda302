/**
 * What a tool process may see of the environment: inherited, minus names that look like secrets, minus variables that
 * make programs load code, run other programs or change what they act on, plus settings that keep them from asking.
 */

/** Endings of a word in a name: OPENAI_API_KEY, APIKEY, npm_config_//host/:_authToken. */
const SECRET_ENDINGS = [
  "KEY",
  "KEYS",
  "TOKEN",
  "TOKENS",
  "SECRET",
  "SECRETS",
  "CREDENTIAL",
  "CREDENTIALS",
  "PASSPHRASE",
];
/** Whole words. PWD counts only behind another word (MYSQL_PWD): PWD and OLDPWD are folders. */
const SECRET_WORDS = new Set(["PASS", "PASSES", "SSHPASS", "CREDS", "COOKIE", "JWT"]);
/** Real English words that end like a secret. */
const HARMLESS_WORDS = new Set(["MONKEY", "TURKEY", "HOTKEY"]);

const INJECTORS = new Set([
  ...["BASH_ENV", "ENV", "PROMPT_COMMAND", "SHELLOPTS", "BASHOPTS", "PS4", "CDPATH", "GLOBIGNORE", "IFS", "FPATH"],
  ...["NODE_OPTIONS", "NODE_PATH", "NODE_REPL_EXTERNAL_MODULE", "NPM_CONFIG_NODE_OPTIONS", "NPM_CONFIG_SCRIPT_SHELL"],
  ...["PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "PYTHONINSPECT", "PYTHONBREAKPOINT", "PYTHONWARNINGS"],
  ...["PERL5OPT", "PERL5LIB", "PERLLIB", "PERL5DB", "RUBYOPT", "RUBYLIB", "LUA_INIT", "PHPRC", "PHP_INI_SCAN_DIR"],
  ...["JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "DOTNET_STARTUP_HOOKS", "R_PROFILE", "R_PROFILE_USER"],
  ...["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "MAKEFLAGS", "MFLAGS", "TAR_OPTIONS", "GREP_OPTIONS"],
  ...["PAGER", "MANPAGER", "EDITOR", "VISUAL", "BROWSER", "LESSOPEN", "LESSCLOSE", "SSH_ASKPASS", "SUDO_ASKPASS"],
  ...["GCONV_PATH", "HOSTALIASES", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "RIPGREP_CONFIG_PATH"],
  ...["DOCKER_AUTH_CONFIG"],
]);
const INJECTOR_PREFIXES = ["LD_", "DYLD_", "GIT_", "BASH_FUNC_", "COR_PROFILER", "CORECLR_", "COR_ENABLE_"];
/** Who a commit is by; these name a person and run nothing. */
const GIT_IDENTITY = /^GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL|DATE)$/;

const NON_INTERACTIVE: Readonly<Record<string, string>> = {
  TERM: "dumb",
  NO_COLOR: "1",
  PAGER: "cat",
  MANPAGER: "cat",
  GIT_PAGER: "cat",
  GIT_TERMINAL_PROMPT: "0",
  GIT_EDITOR: "true",
  GCM_INTERACTIVE: "never",
  SSH_ASKPASS_REQUIRE: "never",
  DEBIAN_FRONTEND: "noninteractive",
  PIP_NO_INPUT: "1",
};

/** The environment for tool processes, from the kernel's own. Pure; leaves its argument alone. */
export function toolEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !looksSecret(name) && !isInjector(name)) kept[name] = value;
  }
  return { ...kept, ...NON_INTERACTIVE };
}

function looksSecret(name: string): boolean {
  const words = name.toUpperCase().split(/[^A-Z0-9]+/);
  return words.some((word, index) => {
    if (HARMLESS_WORDS.has(word)) return false;
    if (word.includes("PASSW") || SECRET_WORDS.has(word)) return true;
    if (word === "PWD" || word === "AUTH") return index > 0 && index === words.length - 1;
    return SECRET_ENDINGS.some((ending) => word.endsWith(ending));
  });
}

function isInjector(name: string): boolean {
  const upper = name.toUpperCase();
  if (GIT_IDENTITY.test(upper)) return false;
  return INJECTORS.has(upper) || INJECTOR_PREFIXES.some((prefix) => upper.startsWith(prefix));
}
