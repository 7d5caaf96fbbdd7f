// The description by two linters: neither an error nor a warning. Redocly with the rules that it recommends, Spectral with
// all of its rules but the one that wants the address of a person.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { program, run, setUp } from "./tools.mjs";

let suite;
before(async () => {
  suite = await setUp();
});
after(() => suite?.tearDown());

test("redocly lint finds nothing", async () => {
  const env = { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  const { out, err } = await run(program("redocly"), ["lint", suite.description, "--format=json"], { cwd: suite.folder, env });
  const { problems, totals } = JSON.parse(out);
  const found = problems.map(({ ruleId, severity, message, location }) => `${severity} ${ruleId}: ${message} (${location[0]?.pointer})`);
  assert.deepEqual(found, [], err);
  assert.deepEqual([totals.errors, totals.warnings, totals.ignored], [0, 0, 0]);
});

test("spectral finds nothing", async () => {
  const rules = join(suite.folder, "spectral.yaml");
  writeFileSync(rules, "extends: [[spectral:oas, all]]\nrules:\n  contact-properties: off\n");
  const { code, out, err } = await run(program("spectral"), ["lint", suite.description, "--ruleset", rules, "--format", "json", "--fail-severity", "hint"]);
  const found = JSON.parse(out.slice(0, out.lastIndexOf("]") + 1)).map(({ code, message, path }) => `${code}: ${message} (${path.join("/")})`);
  assert.deepEqual(found, [], err);
  assert.equal(code, 0, err);
});
