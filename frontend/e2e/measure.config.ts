// `npm run measure`: what people wait for, in a browser against the real binary, as a table.

import { defineConfig } from "vitest/config";

export default defineConfig({
  root: import.meta.dirname,
  test: { include: ["measure.ts"], testTimeout: 120_000, hookTimeout: 60_000, disableConsoleIntercept: true },
});
