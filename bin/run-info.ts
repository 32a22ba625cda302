/** `kernel info`: what clients look at before they talk to a kernel. */
import { KERNEL_VERSION } from "../src/kernel/version.js";
import { PROTOCOL_VERSION } from "../src/wire/generated/tables.gen.js";
import { messages } from "./messages.js";

/** The release of kimi-cli whose behaviour on the wire this kernel has. */
const COMPATIBLE_WITH = "1.49.0";
const AGENT_SPEC_VERSIONS = ["1"];
const PYTHON_VERSION = "n/a";

/** Prints four lines, or one line of JSON with `--json`. Gives the exit code; `refuse` reports a wrong argument. */
export function runInfo(rest: readonly string[], refuse: (sentence: string) => number): number {
  const unknown = rest.find((word) => word !== "--json");
  if (unknown !== undefined) {
    return refuse(unknown.startsWith("-") ? messages.noSuchOption(unknown) : messages.noSuchCommand(unknown));
  }
  if (rest.includes("--json")) {
    const info = {
      kimi_cli_version: COMPATIBLE_WITH,
      agent_spec_versions: AGENT_SPEC_VERSIONS,
      wire_protocol_version: PROTOCOL_VERSION,
      python_version: PYTHON_VERSION,
      server_name: "wire-kernel",
      server_version: KERNEL_VERSION,
    };
    process.stdout.write(`${JSON.stringify(info)}\n`);
    return 0;
  }
  const lines = [
    `kimi-cli version: ${COMPATIBLE_WITH}`,
    `agent spec versions: ${AGENT_SPEC_VERSIONS.join(", ")}`,
    `wire protocol: ${PROTOCOL_VERSION}`,
    `python version: ${PYTHON_VERSION}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}
