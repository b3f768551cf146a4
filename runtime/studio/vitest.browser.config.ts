import { defineConfig } from "vitest/config";

// One browser at a time: there are but two processors. `npm run measure` and `npm run pictures` are no tests.
export default defineConfig({
  test: {
    include: [process.env.STUDIO_RUN ?? "tests/browser/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
