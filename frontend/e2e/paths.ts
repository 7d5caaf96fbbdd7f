// Where the stories find programs, and where they leave what people look at afterwards.

import { join, resolve } from "node:path";

const here = import.meta.dirname;

/** The binary that is tested, with the pages that lie in dist/ (a debug build reads them there). */
export const SERVER =
  process.env.E2E_SERVER ?? resolve(here, "../..", process.env.CARGO_TARGET_DIR ?? "target", "debug/eventflow");

/** Debian's browser: nothing is downloaded. */
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** A picture of every page. */
export const PICTURES = process.env.E2E_PICTURES ?? join(here, "pictures");

/** Of each story that failed: the page, what its console said, what the server said. */
export const FAILED = process.env.E2E_FAILED ?? join(here, "failed");
