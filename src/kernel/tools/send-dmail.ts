import * as z from "zod/mini";
import { defineTool, toolError, toolOk } from "./tool.js";

/** Brings the conversation back to a checkpoint, with a message to oneself. Only agents that are told of checkpoints have it. */
export const sendDMail = defineTool({
  name: "SendDMail",
  description:
    "Return to a CHECKPOINT of this conversation and leave a message to yourself there; all after it is forgotten, files stay as they are. Use it after long detours or useless output.",
  parameters: z.object({ message: z.string(), checkpoint_id: z.int().check(z.gte(0)) }),
  listed: ["message", "checkpoint_id"],
  async prepare({ message, checkpoint_id }, { services: { dmail } }) {
    if (dmail === null) return toolError("This agent cannot return to checkpoints.", "Not available");
    return {
      ask: null,
      effect: "none",
      async execute() {
        const outcome = dmail.send({ checkpointId: checkpoint_id, message });
        if (outcome === "unknown_checkpoint") {
          return toolError(`There is no checkpoint ${checkpoint_id}.`, "Unknown checkpoint");
        }
        if (outcome === "already_sent") return toolError("Only one message can be sent in a step.", "Already sent");
        return toolOk("", "If you read this, the message was not sent: another call of the step was rejected.");
      },
    };
  },
});
