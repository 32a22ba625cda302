// A fake: programs that somebody put into KERNEL_BIN by mistake. The first word says which one.
import { writeSync } from "node:fs";

const GIGABYTE = 1024 ** 3;
const programs = {
  /** Prints a page and waits for more, as a proxy or a login page's wrapper does. */
  html: () => {
    process.stdout.write("<!DOCTYPE html>\n<html><body>It works!</body></html>\n");
    process.stdin.resume();
  },
  /** The same, but it ends. */
  page: () => process.stdout.write("<!DOCTYPE html>\n<html><body>It works!</body></html>\n"),
  /** Echoes what it reads: every line of it is JSON-RPC. */
  cat: () => process.stdin.pipe(process.stdout),
  /** A gigabyte in lines. */
  flood: () => pour(1, Buffer.from(`${"y".repeat(1023)}\n`.repeat(64))),
  /** A gigabyte without a line break. */
  stream: () => pour(1, Buffer.alloc(64 * 1024, "y")),
  /** 128 MiB on stderr, and nothing else. */
  complain: () => pour(2, Buffer.from(`${"no ".repeat(341)}\n`.repeat(64)), GIGABYTE / 8),
  /** Reads, and says nothing. */
  mute: () => process.stdin.resume(),
};

function pour(fd, block, bytes = GIGABYTE) {
  for (let sent = 0; sent < bytes; ) {
    try {
      sent += writeSync(fd, block);
    } catch (error) {
      if (error.code !== "EAGAIN") process.exit(1);
    }
  }
}

programs[process.argv[2]]();
