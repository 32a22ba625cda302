/**
 * Writes a model file that plays scripts: a real GGUF for the real llama-server, with hand-set weights and no download.
 * Embeddings are one-hot, attention and feed-forward add nothing, and the output matrix holds each token's successor,
 * so the network is a chain over tokens. The chat template looks at the last message and ends the prompt with the
 * control token of one script. It tests drivers, loops and prompt caches and says nothing about a model's quality.
 */
import { rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const CONTEXT_LENGTH = 32_768;
/** Width of the one attention head: nearly all that reading a prompt costs. */
const HEAD = 32;
const END = "<|im_end|>";
const LOOP = "<|loop|>";
const call = (name, args) => `<tool_call>\n{"name": "${name}", "arguments": ${JSON.stringify(args)}}\n</tool_call>`;

/** What the model says, by script. The prompt picks one with the mark of the same name, as in `[[tool]]`. */
export const scripts = {
  plain: "Hello from the scripted model.",
  tool: call("Shell", { command: "echo from-llama" }),
  tools: `${call("ReadFile", { path: "README.md" })}\n${call("Shell", { command: "echo second-call" })}`,
  think: "<think>\nquiet reasoning comes first\n</think>\n\nAnd then the visible answer, é 世界 ok.",
  json: 'The call as text:\n```json\n{"name": "ReadFile", "arguments": {"path": "README.md"}}\n```',
  done: "The tool result arrived, so this turn is finished.",
};

const template = `{%- if tools %}<|im_start|>system
{%- if messages[0].role == 'system' %}
{{ messages[0].content }}
{%- endif %}
# Tools
<tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools>
For each call return <tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call>${END}
{% elif messages[0].role == 'system' %}<|im_start|>system
{{ messages[0].content }}${END}
{% endif %}
{%- for message in messages %}
{%- if message.role == 'tool' %}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response>${END}
{% elif message.role == 'assistant' %}<|im_start|>assistant
{% if message.reasoning_content %}<think>
{{ message.reasoning_content }}
</think>

{% endif %}{% if message.content %}{{ message.content }}{% endif %}
{%- if message.tool_calls %}{%- for item in message.tool_calls %}
{%- if (loop.first and message.content) or (not loop.first) %}{{ '\\n' }}{% endif %}<tool_call>
{"name": "{{ item.function.name }}", "arguments": {% if item.function.arguments is string %}{{ item.function.arguments }}{% else %}{{ item.function.arguments | tojson }}{% endif %}}
</tool_call>{% endfor %}{% endif %}${END}
{% elif message.role == 'user' %}<|im_start|>user
{{ message.content }}${END}
{% endif %}{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% set last = messages[-1] %}{% set text = last.content if last.content is string else '' %}
{%- if last.role == 'tool' %}<|done|>
${["tools", "tool", "think", "json"].map((name) => `{%- elif '[[${name}]]' in text %}<|${name}|>`).join("\n")}
{%- elif '[[loop]]' in text %}${LOOP}
{%- else %}<|plain|>
{%- endif %}{% endif %}`;

/** Writes the model to `file` (about 3 MB, the same bytes every time), replacing an old one atomically. */
export async function writeScriptGguf(file) {
  const vocabulary = buildVocabulary();
  const model = encodeModel(vocabulary);
  await writeFile(`${file}.${process.pid}`, model);
  await rename(`${file}.${process.pid}`, file);
}

// GGUF token types: 1 normal, 2 unknown, 3 control, 6 byte.
function buildVocabulary() {
  const tokens = [];
  const types = [];
  const ids = new Map();
  const successor = new Map();
  const add = (text, type) => {
    ids.set(text, tokens.length);
    tokens.push(text);
    types.push(type);
    return tokens.length - 1;
  };
  add("<unk>", 2);
  for (const control of ["<s>", END, "<|im_start|>"]) add(control, 3);
  for (let byte = 0; byte < 256; byte += 1) add(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, 6);
  for (const name of Object.keys(scripts)) add(`<|${name}|>`, 3);
  add(LOOP, 3);
  const end = ids.get(END);
  for (const [name, script] of Object.entries(scripts)) {
    let current = ids.get(`<|${name}|>`);
    // A chain needs every piece to be a token of its own: a piece that another script uses is made longer.
    for (let rest = Array.from(script.replaceAll(" ", "▁")); rest.length > 0; ) {
      const length = [5, 4, 6, 3, 7, 8, 9, 10, 12, 14, 16, 18, 20].find((n) => !ids.has(rest.slice(0, n).join("")));
      if (length === undefined) throw new Error(`no unique piece in script ${name} at: ${rest.join("")}`);
      const next = add(rest.slice(0, length).join(""), 1);
      successor.set(current, next);
      current = next;
      rest = rest.slice(length);
    }
    successor.set(current, end);
  }
  const tick = add("tick▁", 1);
  const tock = add("tock▁", 1);
  successor.set(ids.get(LOOP), tick).set(tick, tock).set(tock, tick);
  return { tokens, types, successor, end };
}

function encodeModel({ tokens, types, successor, end }) {
  const size = tokens.length;
  const width = Math.ceil(size / 64) * 64;
  const hidden = 32;
  const metadata = [
    entry("general.architecture", string("llama")),
    entry("general.name", string("scripted")),
    entry("general.file_type", uint32(0)),
    entry("general.quantization_version", uint32(2)),
    entry("llama.context_length", uint32(CONTEXT_LENGTH)),
    entry("llama.embedding_length", uint32(width)),
    entry("llama.block_count", uint32(1)),
    entry("llama.feed_forward_length", uint32(hidden)),
    entry("llama.attention.head_count", uint32(1)),
    entry("llama.attention.head_count_kv", uint32(1)),
    entry("llama.attention.key_length", uint32(HEAD)),
    entry("llama.attention.value_length", uint32(HEAD)),
    entry("llama.rope.dimension_count", uint32(HEAD)),
    entry("llama.attention.layer_norm_rms_epsilon", float32(1e-6)),
    entry("llama.rope.freq_base", float32(10_000)),
    entry("llama.vocab_size", uint32(size)),
    entry("tokenizer.ggml.model", string("llama")),
    entry("tokenizer.ggml.tokens", list(tokens.map(string))),
    entry("tokenizer.ggml.scores", list(tokens.map(() => float32(0)))),
    entry("tokenizer.ggml.token_type", list(types.map(int32))),
    entry("tokenizer.ggml.bos_token_id", uint32(1)),
    entry("tokenizer.ggml.eos_token_id", uint32(end)),
    entry("tokenizer.ggml.unknown_token_id", uint32(0)),
    entry("tokenizer.ggml.add_bos_token", bool(true)),
    entry("tokenizer.ggml.add_eos_token", bool(false)),
    entry("tokenizer.ggml.add_space_prefix", bool(false)),
    entry("tokenizer.chat_template", string(template)),
  ];
  const oneHot = tokens.map((_, id) => [id, id, 1]);
  const chain = tokens.map((_, id) => [successor.get(id) ?? end, id, 3]);
  const tensors = [
    tensor("token_embd.weight", [width, size], oneHot),
    tensor("output_norm.weight", [width], 1),
    tensor("output.weight", [width, size], chain),
    tensor("blk.0.attn_norm.weight", [width], 1),
    tensor("blk.0.ffn_norm.weight", [width], 1),
    tensor("blk.0.attn_q.weight", [width, HEAD], []),
    tensor("blk.0.attn_k.weight", [width, HEAD], []),
    tensor("blk.0.attn_v.weight", [width, HEAD], []),
    tensor("blk.0.attn_output.weight", [HEAD, width], []),
    tensor("blk.0.ffn_gate.weight", [width, hidden], []),
    tensor("blk.0.ffn_up.weight", [width, hidden], []),
    tensor("blk.0.ffn_down.weight", [hidden, width], []),
  ];
  let offset = 0;
  const infos = tensors.map(({ name, shape, data }) => {
    const info = [text(name), u32(shape.length), ...shape.map(u64), u32(0), u64(offset)];
    offset += data.length;
    return Buffer.concat(info);
  });
  const counts = [u32(3), u64(tensors.length), u64(metadata.length)];
  const head = Buffer.concat([Buffer.from("GGUF"), ...counts, ...metadata, ...infos]);
  return Buffer.concat([padded(head), ...tensors.map(({ data }) => data)]);
}

// `fill` is one value for all cells, or [row, column, value] for the cells that are not zero.
function tensor(name, shape, fill) {
  const [columns, rows = 1] = shape;
  const cells = new Float32Array(columns * rows);
  if (typeof fill === "number") cells.fill(fill);
  else for (const [row, column, value] of fill) cells[row * columns + column] = value;
  return { name, shape, data: padded(Buffer.from(cells.buffer)) };
}

function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc((32 - (bytes.length % 32)) % 32)]);
}

function number(bytes, write) {
  const buffer = Buffer.alloc(bytes);
  write(buffer);
  return buffer;
}
const u32 = (value) => number(4, (buffer) => buffer.writeUInt32LE(value));
const u64 = (value) => number(8, (buffer) => buffer.writeBigUInt64LE(BigInt(value)));
const text = (value) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

// Values carry the GGUF type number that precedes them in the file.
const uint32 = (value) => ({ type: 4, bytes: u32(value) });
const int32 = (value) => ({ type: 5, bytes: number(4, (buffer) => buffer.writeInt32LE(value)) });
const float32 = (value) => ({ type: 6, bytes: number(4, (buffer) => buffer.writeFloatLE(value)) });
const bool = (value) => ({ type: 7, bytes: Buffer.from([value ? 1 : 0]) });
const string = (value) => ({ type: 8, bytes: text(value) });
const list = (items) => ({
  type: 9,
  bytes: Buffer.concat([u32(items[0].type), u64(items.length), ...items.map(({ bytes }) => bytes)]),
});
const entry = (key, { type, bytes }) => Buffer.concat([text(key), u32(type), bytes]);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = process.argv[2] ?? "script.gguf";
  await writeScriptGguf(file);
  console.log(`wrote ${file}`);
}
