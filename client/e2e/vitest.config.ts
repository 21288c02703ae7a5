import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    // one browser and one server at a time: the tests measure
    fileParallelism: false,
    // above what single waits are given, so that the one that failed is named
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
