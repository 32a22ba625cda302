/** What `kernel --help` prints; apart from the other texts because every start reads those. */
export const helpText = `Usage: kernel [OPTIONS]
       kernel info [--json]
       kernel demo [PROMPT]
       kernel login [--json] [--provider NAME] [--base-url URL] [--model ID] [--api-key-stdin]
       kernel logout [--json] [--provider NAME]
       kernel mcp add|list|remove|test|auth|reset-auth ...

An agent kernel that speaks the Wire protocol over stdin and stdout.

Mode
  --wire                      Serve one client on stdin and stdout
  --framing NAME              ndjson (default) or content-length
  --wire-compat VERSION       1.2 for clients that end at a message they do not know; off (default)

Session
  -w, --work-dir DIR          Folder to work in (default: the current one)
  --add-dir DIR               One more folder that counts as the workspace; may be repeated
  -S, --session ID            Resume this session, or create it; also --resume, -r
  -C, --continue              Resume the latest session of the folder

Model and configuration
  --config TEXT               Configuration as JSON or TOML text
  --config-file FILE          Configuration file, TOML or .json
  -m, --model NAME            Model to use, as named in the configuration
  --thinking, --no-thinking   Let the model think, or not

Behaviour
  -y, --yolo                  Approve everything; also --yes, --auto-approve
  --afk                       Nobody is there to answer
  --ask-always                For hosts: approve nothing unasked, whatever the session says
  --plan                      Begin in plan mode
  --agent NAME                default or okabe
  --agent-file FILE           Agent file
  --mcp-config-file FILE      MCP servers from a file; may be repeated
  --mcp-config JSON           MCP servers as text; may be repeated
  --skills-dir DIR            Folder with skills; may be repeated
  --max-steps-per-turn N      Model calls in one turn
  --max-retries-per-step N    Attempts of one model call
  --max-ralph-iterations N    Extra rounds after a turn, -1 for endless

Other
  --verbose, --debug          Write more to the log
  -V, --version               Show the version
  -h, --help                  Show this text

Environment: KERNEL_SHARE_DIR, KERNEL_BASE_URL, KERNEL_API_KEY, KERNEL_MODEL_NAME and the KIMI_ names of the same;
KERNEL_WIRE_COMPAT. KERNEL_LOGIN_API_KEY holds the key for login.
A flag is stronger than the environment, the environment stronger than the configuration file.
`;
