/** The composition root: builds one kernel for one client and runs it until the client or the process ends it. */
import { randomBytes, randomUUID } from "node:crypto";
import type { FramingName } from "../wire/framing.js";
import type { Transport } from "../wire/transport.js";
import type { KernelConfig, ResolvedModel } from "./config/config.js";
import type { Logger } from "./logger.js";
import { connectClient, serveKernel } from "./server/kernel-server.js";
