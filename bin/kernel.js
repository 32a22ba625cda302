#!/usr/bin/env node
// Starts the built kernel that lies beside this file, wherever it is called from.
import { existsSync, realpathSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = pathToFileURL(realpathSync(fileURLToPath(import.meta.url)));
const entry = new URL("../dist/kernel.js", here);
if (existsSync(entry)) {
  await import(entry.href);
} else {
  process.stderr.write("Run npm ci first.\n");
  process.exitCode = 1;
}
