import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BodyReader } from "./body-reader.js";

let server: http.Server;
let agent: http.Agent;
let incoming: IncomingMessage;
let response: ServerResponse;

beforeAll(async () => {
  agent = new http.Agent({ keepAlive: true });
  server = http.createServer((_, res) => {
    res.flushHeaders();
    server.emit("answer", res);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

beforeEach(async () => {
  const request = http.get({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", agent });
  request.on("error", () => {});
  const [[res], [message]] = await Promise.all([once(server, "answer"), once(request, "response")]);
  response = res as ServerResponse;
  incoming = message as IncomingMessage;
});

afterAll(() => {
  agent.destroy();
  server.closeAllConnections();
  server.close();
});

const live = (): AbortSignal => new AbortController().signal;

describe("BodyReader", () => {
  it("gives everything that has arrived, and null at the end", async () => {
    const body = new BodyReader(incoming, live());
    response.write("one");
    expect(String(await body.read(0))).toBe("one");
    response.end("two");
    expect(String(await body.read(0))).toBe("two");
    expect(await body.read(0)).toBeNull();
    expect(await body.read(0)).toBeNull();
  });

  it("closes the connection and gives the reason when it is aborted while it waits", async () => {
    const controller = new AbortController();
    const reading = new BodyReader(incoming, controller.signal).read(0);
    const reason = new Error("stop");
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
    await once(response, "close");
  });

  it("closes the connection when it is aborted while nobody reads", async () => {
    const controller = new AbortController();
    const body = new BodyReader(incoming, controller.signal);
    controller.abort(new Error("stop"));
    await once(response, "close");
    await expect(body.read(0)).rejects.toThrow("stop");
  });

  it("gives up on a silent server and closes the connection", async () => {
    const reading = new BodyReader(incoming, live()).read(30);
    await expect(reading).rejects.toMatchObject({ code: "idle_timeout", errorType: "APITimeoutError" });
    await once(response, "close");
  });

  it("says that a body broke off, also when it did so before the first read", async () => {
    response.write("x");
    response.socket?.resetAndDestroy();
    incoming.on("error", () => {});
    await new Promise((resolve) => incoming.once("close", resolve));
    await expect(new BodyReader(incoming, live()).read(0)).rejects.toBeInstanceOf(Error);
  });

  it("lets the rest run off so that the connection is free again", async () => {
    const body = new BodyReader(incoming, live());
    const port = incoming.socket.localPort;
    response.write("one");
    await body.read(0);
    body.release();
    response.end("two");
    await once(incoming, "close");
    await expect
      .poll(() =>
        Object.values(agent.freeSockets)
          .flat()
          .some((s) => s?.localPort === port),
      )
      .toBe(true);
  });

  it("closes the connection when the rest does not come", async () => {
    const body = new BodyReader(incoming, live());
    body.release(20);
    await once(response, "close");
    expect(incoming.destroyed).toBe(true);
  });
});
