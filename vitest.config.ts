import { defineConfig } from "vitest/config";

// Every process that Node starts would read this file of certificates: 40 ms each, and nothing here leaves the machine.
delete process.env.NODE_EXTRA_CA_CERTS;

export default defineConfig({
  test: {
    // The default leaves one core of two unused; these tests wait for processes most of the time.
    maxWorkers: 3,
    globalSetup: "scripts/test-folder.mjs",
    projects: [
      {
        test: {
          name: "unit",
          // No module keeps state and nothing is mocked, so files may share a process: a fifth less work.
          isolate: false,
          include: ["src/**/*.test.ts", "bin/**/*.test.ts", "scripts/**/*.test.ts"],
          exclude: ["src/wire/validators/**", "**/*.contract.test.ts"],
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: "contract",
          isolate: false,
          include: ["src/wire/validators/**/*.test.ts", "src/**/*.contract.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["tests_e2e/**/*.test.ts"],
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
