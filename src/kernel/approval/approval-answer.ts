import * as z from "zod/mini";

export type ApprovalAnswer = "approve" | "approve_for_session" | "reject";

const answer = z.object({
  request_id: z.string(),
  response: z.enum(["approve", "approve_for_session", "reject"]),
  feedback: z.optional(z.string()),
});

export interface ReadAnswer {
  response: ApprovalAnswer;
  feedback: string;
  /** The id inside the answer; null when the answer is malformed. It binds nothing, but a different one is odd. */
  innerId: string | null;
}

/** Reads a client's answer to an approval. Whatever is not a well-formed yes is a no. Never throws. */
export function readApprovalAnswer(raw: unknown): ReadAnswer {
  try {
    const parsed = z.safeParse(answer, raw);
    if (parsed.success) {
      const { response, feedback, request_id } = parsed.data;
      return { response, feedback: feedback ?? "", innerId: request_id };
    }
  } catch {
    // A getter of a hostile object threw; in-process clients hand over objects, not JSON.
  }
  return { response: "reject", feedback: "", innerId: null };
}
