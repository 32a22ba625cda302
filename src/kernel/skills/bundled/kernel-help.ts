/** Text of the bundled skill kernel-help. */
export const KERNEL_HELP = `---
name: kernel-help
description: How to use and configure this kernel: models, sessions, approvals, commands, files.
---
Answer the user's question about this kernel from the notes below. What they do not say, say that you do not know; do not invent flags, keys or files.

# What it is
A coding agent without a screen of its own. An editor, UI or script starts \`kernel --wire\` and talks to it over stdin and stdout.

# Configuration
\`config.toml\` in the share folder (\`KERNEL_SHARE_DIR\`, else \`KIMI_SHARE_DIR\`, else \`~/.kernel\`), another file with \`--config-file\`, or text with \`--config\`. A flag is stronger than the environment, the environment than the file.

\`\`\`toml
default_model = "local"
extra_skill_dirs = ["~/skills"]

[models.local]
provider = "llama"
model = "qwen"
max_context_size = 32768
capabilities = ["image_in"]

[providers.llama]
type = "openai_legacy"
base_url = "http://127.0.0.1:8080/v1"
api_key = ""

[loop_control]
max_steps_per_turn = 1000
\`\`\`

Without a file, \`KERNEL_BASE_URL\`, \`KERNEL_API_KEY\` and \`KERNEL_MODEL_NAME\` (or the \`KIMI_\` names) are enough.

# Sessions
Each is kept under \`sessions/\` in the share folder. \`--session ID\` goes on with one or creates it, \`--continue\` takes the last one of the folder.

# Approvals
Commands, edits, web access and files outside the workspace are asked for. "For this session" allows the same program with safe arguments, not everything. \`--yolo\` or \`/yolo\` asks nothing any more. Approvals are a question, not a sandbox.

# Commands
- \`/init\` writes AGENTS.md. Its first 1,200 bytes go into the system text of new sessions.
- \`/compact [what to keep]\`, \`/clear\`, \`/yolo\`.
- \`/grants\` lists what is approved for the session, \`/grants revoke <id>\` takes one back.
- \`/add-dir <path>\` makes a folder part of the workspace; so does \`--add-dir\`.
- \`/export [path]\` writes the conversation as Markdown, \`/import <file or session id>\` takes one in.
- \`/skill:<name> [request]\` and \`/flow:<name> [request]\`; \`/skill:skill-creator\` helps to write one.
- \`@path\` in a prompt adds the text of that workspace file.

# Agents
\`--agent okabe\` can return to earlier points of its conversation. \`--agent-file FILE\` takes an agent of your own:

\`\`\`yaml
version: 1
agent:
  extend: default
  name: reviewer
  system_prompt_args:
    ROLE_ADDITIONAL: You review and never edit.
  exclude_tools: [WriteFile, StrReplaceFile]
\`\`\`

With \`system_prompt_path\` the system text is a file beside it, in which \`\${WORK_DIR}\`, \`\${DATE}\`, \`\${OS}\`, \`\${SHELL}\`, \`\${AGENTS_MD}\`, \`\${SKILLS}\`, \`\${WORK_DIR_LS}\` and \`\${ADDITIONAL_DIRS}\` are filled in, and the names in \`system_prompt_args\`. \`extend\` may name another file; \`tools\`, \`allowed_tools\`, \`exclude_tools\`, \`model\`, \`when_to_use\` and \`subagents\` (name: {path, description}) are the other keys.

# Ralph loop
\`--max-ralph-iterations N\` gives each prompt to the model again and again until it says that the task is done; -1 is endless.

# When something is wrong
\`logs/kernel.log\` in the share folder; \`--debug\` writes more. \`kernel --help\` lists all flags.
`;
