import { expect, test } from "vitest";
import type { ResolvedModel } from "../config/config.js";
import { FakeProvider } from "../testing/fake-provider.js";
import { ModelProviders } from "./model-providers.js";

function providers(create: () => Promise<FakeProvider>) {
  const session = new FakeProvider();
  const made = new ModelProviders({
    sessionAlias: "main",
    session: async () => session,
    resolve: (alias) => (alias === "big" ? ({ alias } as ResolvedModel) : null),
    create,
  });
  return { made, session };
}

test("no alias and the session's alias give the session's driver", async () => {
  const { made, session } = providers(() => Promise.reject(new Error("not asked for")));
  expect(await made.get(null)).toBe(session);
  expect(await made.get("main")).toBe(session);
});

test("another alias gets one driver, however many ask, and close ends it but not the session's", async () => {
  let count = 0;
  const big = new FakeProvider();
  const { made, session } = providers(async () => {
    count += 1;
    return big;
  });
  expect(await Promise.all([made.get("big"), made.get("big")])).toEqual([big, big]);
  expect(count).toBe(1);
  await made.close();
  expect([big.closed, session.closed]).toEqual([1, 0]);
});

test("an unknown alias and a driver that cannot be made are failures of the agent; the second is tried again", async () => {
  let broken = true;
  const { made } = providers(async () => {
    if (broken) throw new Error("bad key");
    return new FakeProvider();
  });
  await expect(made.get("nope")).rejects.toMatchObject({ name: "AgentFailure", brief: "Model not available" });
  await expect(made.get("big")).rejects.toThrow("Model `big` cannot be used: bad key.");
  broken = false;
  await expect(made.get("big")).resolves.toBeInstanceOf(FakeProvider);
});
