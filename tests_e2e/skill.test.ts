/** Skills: where they are found, what is listed, what calling one does, and what a broken one does not break. */
import { execFileSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { say } from "./echo-scripts.js";
import { event, status, textPart } from "./expected-events.js";
import { type KernelProcess, startKernel } from "./kernel-process.js";
import { startModelServer, textReply } from "./model-server.js";
import { conversation, storedTitle } from "./session-records.js";
import { put, putFlow, putSkill } from "./skill-files.js";
import { runTurn, text, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const PATH = "flowchart TD\nA([BEGIN]) --> B[Do it]\nB --> C([END])";

async function listed(kernel: KernelProcess): Promise<{ name: string; description: string }[]> {
  const commands = (await kernel.initialize()).result?.slash_commands as { name: string; description: string }[];
  return commands.filter(({ name }) => name.includes(":"));
}

const names = async (kernel: KernelProcess) => (await listed(kernel)).map(({ name }) => name);

describe("discovery", () => {
  it("S-101 initialize lists skills by name, then flows; a flow is in both groups; some come with the kernel", async () => {
    const workspace = createWorkspace();
    const root = join(workspace.workDir, ".kimi", "skills");
    putSkill(root, "zz", { name: "zeta", description: "Last" });
    putFlow(root, "fl", PATH);
    putSkill(root, "aa", { name: "alpha", description: "First" });
    const kernel = startKernel(workspace);
    const commands = (await kernel.initialize()).result?.slash_commands as { name: string }[];
    const all = commands.map(({ name }) => name);
    const own = all.filter((name) => name.includes(":"));
    expect(own).toEqual(expect.arrayContaining(["skill:alpha", "skill:fl", "skill:zeta", "flow:fl"]));
    expect(own.length).toBeGreaterThanOrEqual(6);
    const skills = own.filter((name) => name.startsWith("skill:"));
    expect(skills).toEqual([...skills].sort());
    expect(own.slice(skills.length)).toEqual(["flow:fl"]);
    expect(all.findIndex((name) => name.includes(":"))).toBe(all.length - own.length);
    // Asked again, it is the same list.
    expect(await names(kernel)).toEqual(own);
  });

  it("S-102 of one name the project's skill wins over the user's, that over an extra one", async () => {
    const workspace = createWorkspace({ config: { extra_skill_dirs: ["more"] } });
    const { home, workDir } = workspace;
    const all = ["one", "two", "three"];
    for (const name of all) putSkill(join(workDir, "more"), name, { name, description: "extra" });
    for (const name of all.slice(0, 2)) putSkill(join(home, ".claude/skills"), name, { name, description: "user" });
    putSkill(join(workDir, ".agents/skills"), "one", { name: "one", description: "project" });
    const byName = new Map((await listed(startKernel(workspace))).map((each) => [each.name, each.description]));
    expect([byName.get("skill:one"), byName.get("skill:two"), byName.get("skill:three")]).toEqual([
      ...["project", "user", "extra"],
    ]);
  });

  it("S-103 every published folder counts; merge_all_available_skills = false takes the first of each group", async () => {
    const setUp = (config: Record<string, unknown>) => {
      const workspace = createWorkspace({ config });
      for (const dir of [".kimi", ".claude", ".codex", ".config/agents", ".agents"]) {
        const name = `user${dir.replace(/[./]/g, "-")}`;
        putSkill(join(workspace.home, dir, "skills"), name, { name, description: "d" });
      }
      return startKernel(workspace);
    };
    const ours = async (kernel: KernelProcess) => (await names(kernel)).filter((name) => name.includes("user"));
    expect(await ours(setUp({}))).toEqual([
      ...["skill:user-agents", "skill:user-claude", "skill:user-codex"],
      ...["skill:user-config-agents", "skill:user-kimi"],
    ]);
    expect(await ours(setUp({ merge_all_available_skills: false }))).toEqual([
      ...["skill:user-config-agents", "skill:user-kimi"],
    ]);
  });

  it("S-104 --skills-dir stands in for project and user; what comes with the kernel stays", async () => {
    const workspace = createWorkspace();
    putSkill(join(workspace.workDir, ".kimi/skills"), "hidden", { name: "hidden", description: "d" });
    const [a, b] = ["a", "b"].map((name) => {
      putSkill(join(workspace.home, name), name, { name, description: "d" });
      return join(workspace.home, name);
    });
    const before = await names(startKernel(createWorkspace()));
    const now = await names(startKernel(workspace, { args: ["--skills-dir", a ?? "", "--skills-dir", b ?? ""] }));
    expect(now).toEqual([...before, "skill:a", "skill:b"].sort());
    expect(before.length).toBeGreaterThanOrEqual(2);
  });

  it("S-105 without front matter the folder or file is the name and the first line the description", async () => {
    const workspace = createWorkspace();
    const root = join(workspace.workDir, ".kimi/skills");
    put(join(root, "plain", "SKILL.md"), "\n\nDo the thing.\nMore.\n");
    put(join(root, "flat.md"), "Flat one.\n");
    put(join(root, "empty", "SKILL.md"), "---\ntype: standard\n---\n");
    put(join(root, "folded", "SKILL.md"), "---\nname: folded\ndescription: >-\n  Two\n  lines\n---\nx\n");
    put(
      join(root, "long", "SKILL.md"),
      `---\nname: long\nnote: ${"x".repeat(9000)}\ndescription: "late: yes"\n---\nx\n`,
    );
    const byName = new Map((await listed(startKernel(workspace))).map((each) => [each.name, each.description]));
    expect(byName.get("skill:plain")).toBe("Do the thing.");
    expect(byName.get("skill:flat")).toBe("Flat one.");
    expect(byName.get("skill:empty")).toBe("No description provided.");
    expect(byName.get("skill:folded")).toBe("Two lines");
    expect(byName.get("skill:long")).toBe("late: yes");
  });
});

describe("calling a skill", () => {
  it("S-111 the whole text goes to the model, the request behind it; no nested turn, no title", async () => {
    const workspace = createWorkspace({ scripts: [say("skill")] });
    putSkill(join(workspace.workDir, ".kimi/skills"), "sk", { name: "sk", description: "S" });
    const turn = await runTurn(startKernel(workspace), "/skill:sk do it now");
    expect(turn.messages).toEqual([
      event("TurnBegin", { user_input: "/skill:sk do it now" }),
      event("StepBegin", { n: 1 }),
      textPart("skill"),
      status,
      event("TurnEnd"),
    ]);
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(conversation(workspace)).toEqual([
      { role: "_checkpoint", id: 0 },
      { role: "user", content: "---\nname: sk\ndescription: S\n---\nBody text.\n\nUser request:\ndo it now" },
      { role: "_checkpoint", id: 1 },
      { role: "assistant", content: "skill" },
    ]);
    expect(storedTitle(workspace)).toBeNull();
  });

  it("S-112 without a request only the text; a bundled one works too; one that is nowhere is an unknown command", async () => {
    const workspace = createWorkspace({ scripts: [say("a"), say("b")] });
    put(join(workspace.workDir, ".kimi/skills/bare/SKILL.md"), "\nJust this.\n\n");
    const kernel = startKernel(workspace);
    await runTurn(kernel, [{ type: "text", text: "/skill:bare" }]);
    expect(conversation(workspace)[1]).toEqual({ role: "user", content: "Just this." });
    const bundled = (await names(kernel)).find((name) => name !== "skill:bare") ?? "";
    expect((await runTurn(kernel, `/${bundled}`)).response.result).toEqual({ status: "finished" });
    expect(text((await runTurn(kernel, "/skill:nope x")).messages)).toBe('Unknown slash command "/skill:nope".');
  });

  it("S-113 a skill that was written after the start can be called", async () => {
    const workspace = createWorkspace({ scripts: [say("a")] });
    const kernel = startKernel(workspace);
    await kernel.initialize();
    put(join(workspace.workDir, ".kimi/skills/late.md"), "Late.");
    expect(text((await runTurn(kernel, "/skill:late")).messages)).toBe("a");
    expect(await names(kernel)).toContain("skill:late");
  });

  it("S-114 without a model: TurnBegin, TurnEnd, -32001", async () => {
    const workspace = createWorkspace();
    put(join(workspace.workDir, ".kimi/skills/sk.md"), "Text.");
    const turn = await runTurn(startKernel(workspace, { args: ["--model", "nope"] }), "/skill:sk");
    expect(types(turn.messages)).toEqual(["TurnBegin", "TurnEnd"]);
    expect(turn.response.error?.code).toBe(-32001);
  });

  it("S-115 the model is told of skills once in a conversation, behind the message and not in the system text", async () => {
    const server = await startModelServer([textReply("a"), textReply("b"), textReply("c")]);
    const workspace = createWorkspace({ config: server.config() });
    putSkill(join(workspace.workDir, ".kimi/skills"), "sk", { name: "sk", description: "Shaves yaks" });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "first");
    await runTurn(kernel, "second");
    await runTurn(kernel, "/clear");
    await runTurn(kernel, "anew");
    const [first, second, anew] = server.requests.map(({ body }) => body.messages.map((m) => String(m.content)));
    expect(first?.[0]).not.toContain("yaks");
    expect(first?.[1]).toMatch(/^first\n[\s\S]*sk: Shaves yaks \(\.kimi\/skills\/sk\/SKILL\.md\)/);
    expect(second?.slice(0, 2)).toEqual(first);
    expect(second?.at(-1)).toBe("second");
    expect(anew?.[1]).toMatch(/^anew\n[\s\S]*yaks/);
  });
});

describe("broken skills", () => {
  it("S-121 broken front matter, a circle of links, a folder, a FIFO, a giant: each says why when called, the others work", async () => {
    const workspace = createWorkspace({ scripts: [say("fine")] });
    const root = join(workspace.workDir, ".kimi/skills");
    put(join(root, "good.md"), "Good.");
    put(join(root, "badyaml", "SKILL.md"), "---\nname: [unclosed\n---\nx\n");
    put(join(root, "list", "SKILL.md"), "---\n- a\n- b\n---\nx\n");
    put(join(root, "open", "SKILL.md"), "---\nname: open\nbody without end\n");
    put(join(root, "a", "x"), "");
    symlinkSync(join(root, "b.md"), join(root, "c.md"));
    symlinkSync(join(root, "c.md"), join(root, "b.md"));
    symlinkSync("loop", join(root, "loop"));
    put(join(root, "folder", "SKILL.md", "x"), "");
    put(join(root, "pipe", "x"), "");
    execFileSync("mkfifo", [join(root, "pipe", "SKILL.md")]);
    writeFileSync(put(join(root, "giant", "SKILL.md"), ""), `---\nname: giant\n${"#".repeat(400_000)}`);
    const kernel = startKernel(workspace);
    const all = await names(kernel);
    for (const name of ["badyaml", "list", "open", "b", "c", "loop", "folder", "pipe", "giant"]) {
      expect(all).not.toContain(`skill:${name}`);
      const turn = await runTurn(kernel, `/skill:${name}`);
      expect(types(turn.messages), name).toEqual(["TurnBegin", "ContentPart", "TurnEnd"]);
      expect(text(turn.messages)).toMatch(new RegExp(`^The skill ${name} cannot be used: .+\\.$`));
      expect(turn.response.result).toEqual({ status: "finished" });
    }
    expect(text((await runTurn(kernel, "/skill:good")).messages)).toBe("fine");
  });

  it("S-122 a skill that is mended can be called; one that is gone says so", async () => {
    const workspace = createWorkspace({ scripts: [say("now")] });
    const file = put(join(workspace.workDir, ".kimi/skills/sk/SKILL.md"), "---\nname: [\n---\n");
    const kernel = startKernel(workspace);
    expect(text((await runTurn(kernel, "/skill:sk")).messages)).toContain("cannot be used");
    writeFileSync(file, "Mended.");
    expect(text((await runTurn(kernel, "/skill:sk")).messages)).toBe("now");
    execFileSync("rm", [file]);
    expect(text((await runTurn(kernel, "/skill:sk")).messages)).toMatch(/cannot be used: .* does not exist\./);
  });

  it("S-123 text in a skill that looks like an include or a command is text", async () => {
    const workspace = createWorkspace({ scripts: [say("a")] });
    const root = join(workspace.workDir, ".kimi/skills");
    put(join(root, "one", "SKILL.md"), "@.kimi/skills/two/SKILL.md\n/skill:two");
    put(join(root, "two", "SKILL.md"), "@.kimi/skills/one/SKILL.md\n/skill:one");
    expect((await runTurn(startKernel(workspace), "/skill:one")).response.result).toEqual({ status: "finished" });
    expect(conversation(workspace)[1]).toEqual({ role: "user", content: "@.kimi/skills/two/SKILL.md\n/skill:two" });
  });
});
