/** Commands on the session and its workspace, files named in a prompt, media that are too large, titles. */
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say } from "./echo-scripts.js";
import { event, textPart } from "./expected-events.js";
import { startKernel } from "./kernel-process.js";
import { conversation, readState, sessionIds, storedTitle } from "./session-records.js";
import { put } from "./skill-files.js";
import { payloads, runTurn, text, types } from "./turn.js";
import { createWorkspace, setScripts } from "./workspace.js";

describe("/add-dir", () => {
  it("S-401 lists, refuses and adds: the folder is workspace from then on, also after a restart", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "ReadFile", { path: "" }), say("read")] });
    const extra = join(workspace.home, "extra");
    const file = put(join(extra, "f.txt"), "inside\n");
    const script = [call("t1", "ReadFile", { path: file }), say("read")];
    setScripts(workspace, script);
    const kernel = startKernel(workspace);
    const said = async (input: string) => text((await runTurn(kernel, input)).messages);
    expect((await runTurn(kernel, "/add-dir")).messages).toEqual([
      event("TurnBegin", { user_input: "/add-dir" }),
      textPart("No additional directories. Usage: /add-dir <path>"),
      event("TurnEnd"),
    ]);
    expect(await said("/add-dir /nonexist")).toBe("Directory does not exist: /nonexist");
    expect(await said(`/add-dir ${file}`)).toBe(`Not a directory: ${file}`);
    expect(await said("/add-dir .")).toContain("already");
    expect(await said(`/add-dir ${extra}`)).toBe(`Added directory to workspace: ${extra}`);
    expect(await said(`/add-dir ${extra}/`)).toContain("already");
    expect(await said("/add-dir")).toBe(`Additional directories:\n  - ${extra}`);
    expect(readState(workspace).additional_dirs).toEqual([extra]);
    const asked: unknown[] = [];
    const turn = await runTurn(kernel, "read it", (request) => {
      asked.push(request);
      kernel.approve(request, "reject");
    });
    expect(asked).toEqual([]);
    expect(payloads(turn.messages, "ToolResult")[0]).toMatchObject({ return_value: { is_error: false } });
    await kernel.close();
    const again = startKernel(workspace, { args: ["--session", sessionIds(workspace)[0] ?? ""] });
    expect(text((await runTurn(again, "/add-dir")).messages)).toBe(`Additional directories:\n  - ${extra}`);
    expect(payloads((await runTurn(again, "read")).messages, "ToolResult")[0]).toMatchObject({
      return_value: { is_error: false },
    });
  });
});

describe("/export and /import", () => {
  it("S-411 /export writes Markdown into the work dir or where it is told, and never over a file", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "SetTodoList", { todos: [] }), say("an answer")] });
    const kernel = startKernel(workspace);
    expect(types((await runTurn(kernel, "/export")).messages)).toEqual(["TurnBegin", "ContentPart", "TurnEnd"]);
    await runTurn(kernel, "a question");
    const turn = await runTurn(kernel, "/export");
    const [name] = readdirSync(workspace.workDir);
    const [exported, note] = payloads(turn.messages, "ContentPart");
    expect(exported).toEqual({ type: "text", text: `Exported 4 messages to ${join(workspace.workDir, name ?? "")}` });
    expect(note?.text).toBe(
      "  Note: The exported file may contain sensitive information. Please be cautious when sharing it externally.",
    );
    const content = readFileSync(join(workspace.workDir, name ?? ""), "utf8");
    for (const part of ["a question", "an answer", "SetTodoList"]) expect(content).toContain(part);
    expect(text((await runTurn(kernel, "/export talk.md")).messages)).toContain(join(workspace.workDir, "talk.md"));
    const before = readFileSync(join(workspace.workDir, "talk.md"), "utf8");
    expect(text((await runTurn(kernel, "/export talk.md")).messages)).toContain("exists already");
    expect(readFileSync(join(workspace.workDir, "talk.md"), "utf8")).toBe(before);
    expect(text((await runTurn(kernel, "/export no/such/dir.md")).messages)).toContain("does not exist");
  });

  it("S-412 /import takes a text file or another session of the work dir into the conversation", async () => {
    const workspace = createWorkspace({ scripts: [say("kept words")] });
    const first = startKernel(workspace);
    await runTurn(first, "the question");
    await first.close();
    const [id = ""] = sessionIds(workspace);
    setScripts(workspace, [say("ok")]);
    put(join(workspace.workDir, "notes.txt"), "remember me");
    put(join(workspace.workDir, "bin.dat"), "a\0b");
    const kernel = startKernel(workspace, { args: ["--session", "11111111-1111-4111-8111-111111111111"] });
    const said = async (input: string) => text((await runTurn(kernel, input)).messages);
    expect(await said("/import")).toBe("Usage: /import <file_path or session_id>");
    expect(await said("/import /nonexist")).toBe("'/nonexist' is not a valid file path or session ID.");
    expect(await said("/import ../../etc")).toContain("is not a valid file path or session ID.");
    expect(await said("/import bin.dat")).toContain("is not a text file");
    expect(await said("/import .")).toContain("is not a file");
    expect(await said("/import 11111111-1111-4111-8111-111111111111")).toContain("itself");
    expect(await said("/import notes.txt")).toContain("notes.txt");
    expect(await said(`/import ${id}`)).toContain(id);
    await runTurn(kernel, "go on");
    const stored = JSON.stringify(conversation(workspace, "11111111-1111-4111-8111-111111111111"));
    for (const part of ["remember me", "the question", "kept words"]) expect(stored).toContain(part);
  });

  it("S-413 what does not fit into the model's window is not imported", async () => {
    const workspace = createWorkspace({ scripts: [say("ok")], maxContextSize: 1000 });
    put(join(workspace.workDir, "big.txt"), "word ".repeat(2000));
    const kernel = startKernel(workspace);
    expect(text((await runTurn(kernel, "/import big.txt")).messages)).toContain("more than what is left");
    expect(conversation(workspace)).toEqual([]);
  });
});

describe("prompts", () => {
  it("S-421 @path puts the text of a workspace file behind the prompt; what is shown is the prompt alone", async () => {
    const workspace = createWorkspace({ scripts: [say("1"), say("2")] });
    put(join(workspace.workDir, "src", "a.ts"), "const a = 1;\n");
    put(join(workspace.home, "secret.txt"), "SECRET");
    symlinkSync(join(workspace.home, "secret.txt"), join(workspace.workDir, "link.txt"));
    const kernel = startKernel(workspace);
    const prompt = "see @src/a.ts, @nope.ts @../home/secret.txt @link.txt @src and me@src/a.ts (@src/a.ts)";
    const turn = await runTurn(kernel, prompt);
    expect(turn.messages[0]).toEqual(event("TurnBegin", { user_input: prompt }));
    const [, user] = conversation(workspace);
    const parts = user?.content as { text: string }[];
    expect(parts.length).toBe(2);
    expect(parts[0]?.text).toBe(prompt);
    expect(parts[1]?.text).toMatch(/src\/a\.ts[\s\S]*\nconst a = 1;\n$/);
    expect(JSON.stringify(conversation(workspace))).not.toContain("SECRET");
    expect(storedTitle(workspace)).toMatch(/^see @src\/a\.ts,/);
    await runTurn(kernel, "no mention of me@home");
    expect(conversation(workspace).at(-3)).toEqual({ role: "user", content: "no mention of me@home" });
  });

  it("S-422 media above 20 MB are refused in one sentence, in a prompt and in a steer; the kernel goes on", async () => {
    const EXT = { name: "ext", description: "d", parameters: { type: "object" } };
    const scripts = [call("t1", "ext"), say("after"), say("next")];
    const workspace = createWorkspace({ scripts, capabilities: ["image_in"] });
    const kernel = startKernel(workspace);
    await kernel.initialize({ external_tools: [EXT] });
    const image = (bytes: number) => {
      const url = `data:image/png;base64,${Buffer.alloc(bytes).toString("base64")}`;
      return [{ type: "image_url", image_url: { url } }];
    };
    const tooLarge = { code: -32000, message: "The image has 20.1 MB; at most 20 MB can be sent." };
    const refused = await runTurn(kernel, image(20_100_000));
    expect(refused.response.error).toMatchObject({ ...tooLarge, data: { code: "media_too_large" } });
    expect(types(refused.messages)).toEqual([]);
    const turn = await runTurn(kernel, "go", async (request) => {
      expect((await kernel.call("steer", { user_input: image(20_100_000) })).error).toMatchObject(tooLarge);
      const return_value = { is_error: false, output: "o", message: "", display: [] };
      kernel.answer(request, { tool_call_id: request.id, return_value });
    });
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(payloads(turn.messages, "SteerInput")).toEqual([]);
    expect((await runTurn(kernel, image(20_000_000))).response.result).toEqual({ status: "finished" });
  });

  it("S-423 commands do not make the title, the first ordinary prompt that ends well does", async () => {
    const workspace = createWorkspace({ scripts: [say("skill"), "error: 400 no", say("fine")] });
    put(join(workspace.workDir, ".kimi/skills/sk.md"), "Text.");
    writeFileSync(join(workspace.workDir, "n.txt"), "n");
    const kernel = startKernel(workspace);
    for (const input of ["/add-dir", "/import n.txt", "/skill:sk a", "fails"]) {
      await runTurn(kernel, input);
      expect(storedTitle(workspace), input).toBeNull();
    }
    await runTurn(kernel, "  the\n title  ");
    expect(storedTitle(workspace)).toBe("the title");
  });
});
