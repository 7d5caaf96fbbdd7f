// A client that openapi-python-client generates from the description, at work on the server; and Schemathesis, which makes
// requests up: every answer is described, nothing valid is refused, nothing invalid is accepted.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TOKEN } from "../server.mjs";
import { here, must, python, run, setUp } from "./tools.mjs";

/** Bodies that the generator leaves out: it cannot tell a text from JSON, which may be a text. */
const LEFT_OUT = ["text/plain"];

let suite;
let bin;
before(async () => {
  bin = await python();
});
before(async () => {
  suite = await setUp();
});
after(() => suite?.tearDown());

test("openapi-python-client: a client does what it says", async () => {
  const folder = suite.folder;
  const args = ["--meta", "none", "--output-path", join(folder, "eventflow"), "--config", here("python/generator.yaml")];
  const { code, out: made, err } = await run(join(bin, "openapi-python-client"), ["generate", "--path", suite.description, ...args], {
    cwd: folder,
    env: { PATH: `${bin}:${process.env.PATH}` },
  });
  const output = `${made}\n${err}`;
  assert.equal(code, 0, output);
  const warnings = output.split("\n").filter((line) => line.startsWith("WARNING"));
  const leftOut = [...output.matchAll(/^Unsupported content type (\S+)$/gm)].map((match) => match[1]);
  assert.deepEqual([warnings.length, leftOut], [LEFT_OUT.length, LEFT_OUT], output);
  const env = { PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: "1" };
  const out = await must(join(bin, "python"), [here("python/client.py"), suite.url, TOKEN], { env });
  assert.match(out, /^done: \d+ answers\n$/);
});

test("schemathesis finds nothing", async () => {
  const args = ["--config-file", here("schemathesis/schemathesis.toml"), "run", suite.description, "--url", suite.url];
  const { code, out, err } = await run(join(bin, "st"), [...args, "-H", `Authorization: Bearer ${TOKEN}`], {
    cwd: suite.folder,
    env: { SCHEMATHESIS_HOOKS: "suite_hooks", PYTHONPATH: here("schemathesis"), PYTHONDONTWRITEBYTECODE: "1" },
  });
  assert.equal(code, 0, `${out}\n${err}`);
  const operations = Object.values(suite.document.paths).flatMap((item) => Object.keys(item)).length;
  assert.match(out, new RegExp(`Tested: ${operations}\\b`), out);
});
