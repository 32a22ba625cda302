import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { unsentBytes } from "./unsent-bytes.js";

test("shrinks while a slow reader takes a large write piece by piece, before the stream reports anything", async () => {
  const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  await once(server, "listening");
  const writer = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [[reader]] = await Promise.all([accepted, once(writer, "connect")]);
  onTestFinished(() => {
    for (const end of [reader, writer]) end.destroy();
    server.close();
  });
  expect(unsentBytes(writer)).toBe(0);
  const size = 64 * 1024 * 1024;
  let isWritten = false;
  writer.write(Buffer.alloc(size), () => {
    isWritten = true;
  });
  const before = unsentBytes(writer);
  expect(before).toBeGreaterThan(size / 2);
  const shrunk = new Promise<boolean>((resolve) => {
    reader.on("data", () => {
      if (unsentBytes(writer) < before) resolve(isWritten);
    });
  });
  reader.resume();
  expect(await shrunk).toBe(false);
  await expect.poll(() => isWritten).toBe(true);
  expect(unsentBytes(writer)).toBe(0);
});

test("is 0 for what is no socket, and for one that is closed", async () => {
  expect(unsentBytes(new PassThrough())).toBe(0);
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  socket.destroy();
  server.close();
  expect(unsentBytes(socket)).toBe(0);
});
