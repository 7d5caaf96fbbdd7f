// A client that openapi-typescript generates from the description, at work on the server.

import assert from "node:assert/strict";
import { cpSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TOKEN } from "../server.mjs";
import { here, must, program, setUp } from "./tools.mjs";

let suite;
before(async () => {
  suite = await setUp();
});
after(() => suite?.tearDown());

test("openapi-typescript: a client that compiles does what it says", async () => {
  const folder = suite.folder;
  await must(program("openapi-typescript"), [suite.description, "--output", join(folder, "eventflow.ts")]);
  cpSync(here("typescript/client.ts"), join(folder, "client.ts"));
  symlinkSync(here("node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const options = ["--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "--lib", "es2022,dom"];
  await must(program("tsc"), [...options, "client.ts"], { cwd: folder });
  const out = await must(process.execPath, ["client.js", suite.url, TOKEN], { cwd: folder });
  assert.match(out, /^done: \d+ answers\n$/);
});
