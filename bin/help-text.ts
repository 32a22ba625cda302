/** What `kernel --help` prints; apart from the other texts because every start reads those. */
export const helpText = `Usage: kernel [chat] [OPTIONS]      talk in the terminal
       kernel -p PROMPT [OPTIONS]   one answer on stdout, for scripts
       kernel --wire [OPTIONS]      serve a client
       kernel info [--json]
       kernel demo [PROMPT]
       kernel login [--json] [--provider NAME] [--base-url URL] [--model ID] [--api-key-stdin]
       kernel logout [--json] [--provider NAME]
       kernel mcp add|list|remove|test|auth|reset-auth ...
       kernel COMMAND --help        more about info, demo, login, logout, mcp

An agent kernel: for editors, UIs and scripts over the Wire protocol, and by itself in the terminal.

Mode
  --wire                      Serve one client on stdin and stdout
  --framing NAME              ndjson (default) or content-length
  --wire-compat VERSION       1.2 for clients that end at a message they do not know; off (default)

Print mode
  -p, --prompt PROMPT         Run one prompt and print the answer; also --command, -c. From stdin with "-p -", and with
                              -p or --print without a prompt
  --output-format NAME        text (default), json: one object at the end, stream-json: one message a line,
                              wire: every event and request as it comes
  --input-format text         The prompt is plain text; stream-json is not part of this version
  --final-message-only        Only the last message of the model; --quiet: and nothing on stderr but failures
  --approve POLICY            Nobody is asked: deny (default), edits in the work folder, or all
                              Exit code: 0 finished, 1 failed or out of steps, 2 wrong usage or configuration,
                              75 cut short and can be resumed, 128 + n ended by signal n

Print mode and chat
  --kernel PLACE              auto (default), sidecar or in-process: where the kernel runs

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
KERNEL_WIRE_COMPAT. KERNEL_LOGIN_API_KEY holds the key for login. With -p and chat: KERNEL_MODE is --kernel, KERNEL_BIN
the kernel to start. With --wire: KERNEL_UNREAD_TIMEOUT_MS (60000; 0 is never) stops a turn whose output nobody reads,
KERNEL_PARENT_WATCH=off stays when the parent is gone.
A flag is stronger than the environment, the environment stronger than the configuration file.
`;
