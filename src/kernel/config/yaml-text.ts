/** YAML as people write it in skills and agent files. The library loads at first use. */

/** Gives the document. Throws Error with one line that says what is wrong and where. */
export async function parseYaml(text: string): Promise<unknown> {
  const { default: yaml } = await import("yaml");
  try {
    return yaml.parse(text, { logLevel: "error" }) as unknown;
  } catch (error) {
    const [line = "it cannot be parsed"] = String(error instanceof Error ? error.message : error).split("\n");
    throw new Error(line.replace(/:$/, ""), { cause: error });
  }
}
