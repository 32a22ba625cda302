import { expect, test } from "vitest";
import { callPart, FakeProvider, reply } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { approving, type OpenRequest } from "../testing/recording-sink.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { ClientRequestError } from "../turn/event-sink.js";

const fixtures = turnFixtures();

async function decided(onRequest: (request: OpenRequest) => void) {
  const { session, sink, journal } = fixtures.session({
    tools: [fakeTool("act", { ask: true })],
    provider: new FakeProvider(reply([callPart("t1", "act")]), reply(["ok"])),
  });
  sink.onRequest = onRequest;
  await session.prompt("x", null);
  const answer = journal().find(({ kind }) => kind === "answer");
  return { answer, response: sink.payloads("ApprovalResponse")[0], request: sink.payloads("ApprovalRequest")[0] };
}

test("the answer is recorded as it came, with what it decided", async () => {
  const { answer, request, response } = await decided(approving({ response: "approve", extra: 1 }));
  expect(answer).toMatchObject({
    id: request?.id,
    type: "ApprovalRequest",
    answer: { request_id: request?.id, response: "approve", extra: 1 },
    decided: { response: "approve", feedback: "", via: "answer" },
  });
  expect(response).toEqual({ request_id: request?.id, response: "approve", feedback: "" });
});

test("feedback goes to the client again", async () => {
  const { response } = await decided(approving({ response: "reject", feedback: "no" }));
  expect(response).toMatchObject({ response: "reject", feedback: "no" });
});

test("an error response is a no of the client", async () => {
  const { answer, response } = await decided((request) =>
    request.fail(new ClientRequestError("answered_error", "method not found")),
  );
  expect(response).toMatchObject({ response: "reject", feedback: "" });
  expect(answer).toMatchObject({ decided: { response: "reject", via: "answer" } });
});

test("a client that is gone decided nothing", async () => {
  const { answer, response } = await decided((request) => request.fail(new ClientRequestError("closed", "eof")));
  expect(response).toMatchObject({ response: "reject", feedback: "" });
  expect(answer).toMatchObject({ decided: { response: "reject", via: "closed" } });
});
