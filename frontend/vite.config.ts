// Two pages, built to `dist/` with hashed file names under `assets/`; the server embeds that folder.
// Nothing here may lead to a request to another host, or to an inline script: the server's
// Content-Security-Policy allows `script-src 'self'` only.

import { defineConfig } from "vite";

/** `npm run dev` serves the pages itself and hands everything else to a server, one with `--dev` unless told otherwise. */
const server = process.env.EVENTFLOW_URL ?? "http://127.0.0.1:8080";
const proxy = {
  "^/graphql(\\?|$)": { target: server, ws: true },
  "^/(auth|v1|function|async-function|hooks|schemas)/": { target: server },
  "^/(healthz|readyz|metrics|openapi.json)$": { target: server },
};

/** What every page needs, by package. */
const BASE =
  /node_modules[\\/](react|react-dom|scheduler|@urql|urql|wonka|graphql-ws|@0no-co|@tanstack[\\/](react-router|router-core|history|react-store|store))[\\/]/;
const CONTROLS = /node_modules[\\/](@mantine[\\/](core|hooks)|@floating-ui|clsx|react-remove-scroll|tabbable)[\\/]/;

export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    // light-dark() stays as it is: lowered, it would ignore the choice between light and dark.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    sourcemap: false,
    // The editor alone is larger than Vite's default limit, and it is loaded from the same machine.
    chunkSizeWarningLimit: 2500,
    // The licences of everything that is bundled go along with it.
    license: { fileName: "licenses.md" },
    // Small assets stay files: `data:` URLs would widen the policy for no gain.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: "index.html", graphiql: "graphiql.html" },
      output: {
        // Left to itself, the bundler makes a file of each piece that two pages share: fifty requests for the first page.
        // What every page needs is one file; of the controls, those that most pages have are another.
        codeSplitting: {
          groups: [
            { name: "base", test: BASE },
            { name: "controls", test: CONTROLS, minShareCount: 9 },
          ],
        },
      },
      // "use client" in a library speaks to server-side renderers; there is none here.
      onwarn: (warning, show) => {
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") show(warning);
      },
    },
  },
  server: { proxy },
  preview: { proxy },
});
