// Before the first story: what is needed is there, and what an earlier telling left behind is not.

import { accessSync, constants, existsSync, rmSync } from "node:fs";
import { CHROMIUM, FAILED, PICTURES, SERVER } from "./paths.ts";

export function setup() {
  for (const [program, variable, remedy] of [
    [SERVER, "E2E_SERVER", "build it: cargo build -p server"],
    [CHROMIUM, "CHROMIUM", "install Debian's package chromium"],
  ] as const) {
    if (!existsSync(program)) throw new Error(`there is no ${program} ($${variable}): ${remedy}`);
    accessSync(program, constants.X_OK);
  }
  rmSync(FAILED, { recursive: true, force: true });
  rmSync(PICTURES, { recursive: true, force: true });
}
