import { describe, expect, it } from "vitest";
import { bareHost, isAllowedHost, isPublicAddress, parseUrl } from "./network-address.js";

describe("isPublicAddress", () => {
  it.each([
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "not an address",
    "",
    "localhost",
    "0x7f.1",
  ])("%j is not public", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1"])(
    "%j is public",
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );
});

describe("hosts", () => {
  it.each([
    ["http://[::1]:80/", "::1"],
    ["http://localhost./", "localhost"],
    ["http://0x7f.1/", "127.0.0.1"],
    ["http://2130706433/", "127.0.0.1"],
    ["http://EXAMPLE.com/", "example.com"],
  ])("%s names %s", (text, host) => {
    expect(bareHost(new URL(text))).toBe(host);
  });

  it("allows by host or by host and port", () => {
    const url = new URL("http://localhost:8080/x");
    expect(isAllowedHost(url, new Set(["localhost"]))).toBe(true);
    expect(isAllowedHost(url, new Set(["localhost:8080"]))).toBe(true);
    expect(isAllowedHost(url, new Set(["localhost:80", "example.com"]))).toBe(false);
  });

  it("parses with and without a base", () => {
    expect(parseUrl("nope")).toBeNull();
    expect(parseUrl("/a", new URL("http://x/b"))?.href).toBe("http://x/a");
  });
});
