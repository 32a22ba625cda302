/** Text of the bundled skill skill-creator. */
export const SKILL_CREATOR = `---
name: skill-creator
description: How to write a good skill or flow, and where to put it.
---
Help the user to write a skill: a folder with a SKILL.md that tells you how to do one kind of task. Ask what the task is, when it comes up and what a good result looks like, unless that was said. Then write it, read it again as somebody who knows nothing of this conversation, and shorten it.

# Where
- For this project: \`.kernel/skills/<name>/SKILL.md\` in the work dir. For everything the user does: \`skills/<name>/SKILL.md\` in the share folder (\`~/.kernel\` unless set otherwise).
- Folders of other tools count too: \`.kimi\`, \`.claude\`, \`.codex\`, \`.agents\`. The project's skill wins over the user's of the same name.
- It can be called at once with \`/skill:<name>\`; clients list it after their next start.

# Form
\`\`\`markdown
---
name: release-notes
description: Write release notes from the commits since the last tag. Use when a release is prepared.
---
1. Find the last tag with \`git describe --tags --abbrev=0\`.
2. ...
\`\`\`

- \`name\`: letters, digits, - and _; as the folder.
- \`description\`: what it does and when to use it, in the first dozen words. It is all that is seen before the skill is read.
- Front matter is YAML: quote a value that contains \`: \` or \` #\`.
- The body speaks to the model: steps, exact commands, formats, what to check at the end, what not to do. Leave out what every programmer knows. Under 200 lines; details go into files beside it that the body names, scripts too.

# Flows
With \`type: flow\` in the front matter, \`/flow:<name>\` runs the first mermaid or d2 block as a program: each box is a prompt, at a fork the model chooses by label.

\`\`\`\`markdown
---
name: fix-until-green
description: Fix the build until the tests pass.
type: flow
---
\\\`\\\`\\\`mermaid
flowchart TD
  A([BEGIN]) --> B[Run the tests and fix what fails]
  B --> C{Do all tests pass?}
  C -->|yes| D([END])
  C -->|no| B
\\\`\\\`\\\`
\`\`\`\`

Exactly one BEGIN and one END, a way between them, and a different label on each arrow of a fork. A box must make sense by itself: say in it what to do and when it is done.
`;
