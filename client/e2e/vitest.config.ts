import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    // one browser and one server at a time: the tests measure
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 120_000,
  },
});
