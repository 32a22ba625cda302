/** `kernel info`: what clients look at before they talk to a kernel. */
import { KERNEL_VERSION } from "../src/kernel/version.js";
import { PROTOCOL_VERSION } from "../src/wire/generated/tables.gen.js";

/** The release of kimi-cli whose behaviour on the wire this kernel has. */
const COMPATIBLE_WITH = "1.49.0";
const AGENT_SPEC_VERSIONS = ["1"];
const PYTHON_VERSION = "n/a";

/** Prints four lines, or one line of JSON. */
export function runInfo(json: boolean): void {
  if (json) {
    const info = {
      kimi_cli_version: COMPATIBLE_WITH,
      agent_spec_versions: AGENT_SPEC_VERSIONS,
      wire_protocol_version: PROTOCOL_VERSION,
      python_version: PYTHON_VERSION,
      server_name: "wire-kernel",
      server_version: KERNEL_VERSION,
    };
    process.stdout.write(`${JSON.stringify(info)}\n`);
    return;
  }
  const lines = [
    `kimi-cli version: ${COMPATIBLE_WITH}`,
    `agent spec versions: ${AGENT_SPEC_VERSIONS.join(", ")}`,
    `wire protocol: ${PROTOCOL_VERSION}`,
    `python version: ${PYTHON_VERSION}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
