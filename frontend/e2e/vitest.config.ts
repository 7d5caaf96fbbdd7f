// The stories: what a person does in the browser, against the real binary. `npm run e2e`.

import { defineConfig } from "vitest/config";
import { PATIENCE } from "./patience.ts";

export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ["stories/*.story.ts"],
    globalSetup: "./before.ts",
    // Each file has a browser, each story a server: more of them at once are only slower.
    maxWorkers: 2,
    testTimeout: 6 * PATIENCE,
    hookTimeout: 2 * PATIENCE,
  },
});
