import { expect, it } from "vitest";
import { isLocalHost, isLoopbackHost } from "./server-host.js";

it.each([
  ["localhost", true, true],
  ["LOCALHOST", true, true],
  ["a.localhost", true, true],
  ["127.0.0.1", true, true],
  ["127.9.9.9", true, true],
  ["[::1]", true, true],
  ["0.0.0.0", true, true],
  ["10.1.2.3", false, true],
  ["192.168.1.2", false, true],
  ["172.16.0.1", false, true],
  ["172.32.0.1", false, false],
  ["100.64.0.1", false, true],
  ["100.128.0.1", false, false],
  ["[fd00::1]", false, true],
  ["[2001:db8::1]", false, false],
  ["gpu-box", false, true],
  ["gpu.local", false, true],
  ["api.moonshot.ai", false, false],
  ["127.0.0.1.evil.com", false, false],
  ["10.evil.com", false, false],
])("%s: loopback %s, local %s", (host, loopback, local) => {
  expect([isLoopbackHost(host), isLocalHost(host)]).toEqual([loopback, local]);
});
