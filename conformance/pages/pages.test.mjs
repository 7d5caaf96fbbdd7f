// Every block of README.md and docs/guide: commands run against a real server, the rest must be what it says it is.
//
//   npm test                       all pages
//   PAGES=webhooks npm test        those whose name contains this
//   SHOW=1 npm test                prints what the commands print

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { buildSchema, parse, validate } from "graphql";

import { commands, fits, read, REASONS, runs } from "./blocks.mjs";
import { REPOSITORY, Session } from "./session.mjs";

const GUIDE = "docs/guide";
const names = ["README.md", ...readdirSync(join(REPOSITORY, GUIDE), { recursive: true }).filter((name) => name.endsWith(".md")).sort().map((name) => `${GUIDE}/${name}`)];
const file = (name) => readFileSync(join(REPOSITORY, name), "utf8");
const schema = buildSchema(file("server/schema.graphql"));
const skipped = [];

test("pages", { concurrency: 2 }, async (t) => {
  const chosen = names.filter((name) => name.includes(process.env.PAGES ?? ""));
  await Promise.all(chosen.map((name) => t.test(name, (t) => runPage(t, name))));
  if (skipped.length) console.table(skipped);
});

async function runPage(t, name) {
  const page = read(file(name), name);
  const { server, ...env } = page.settings;
  const sessions = new Map();
  const session = async ({ session = "" }) => {
    if (!sessions.has(session)) sessions.set(session, await Session.open(server === "none" ? null : env));
    return sessions.get(session);
  };
  try {
    for (const block of page.blocks) {
      const title = `${name}:${block.line} ${block.heading}`;
      const skip = block.settings.skip && REASONS[block.settings.skip];
      if (skip) skipped.push({ block: title, reason: skip });
      await t.test(title, { skip }, async () => {
        if (block.settings.file) isPartOf(block.settings.file, block.text);
        if (runs(block)) await runBlock(await session(block.settings), block);
        else CHECKS[block.language]?.(block.text);
      });
    }
  } finally {
    await Promise.all([...sessions.values()].map((session) => session.close()));
  }
}

async function runBlock(session, { language, text, settings }) {
  if (settings.fails) {
    const { status, output } = await session.runToFail(text);
    assert.ok(status === 0 && output.includes(settings.fails), `expected a failure with "${settings.fails}":\n${output}`);
    return;
  }
  const steps = language === "console" ? commands(text) : [{ command: text, output: "" }];
  assert.ok(steps.length, "a block of the language `console` has commands that begin with `$ `");
  for (const { command, output: shown } of steps) {
    const { status, output } = await session.run(command);
    assert.equal(status, 0, `${command}\n${output}`);
    // A substitution that fails inside of a word fails nothing, and GraphQL refuses with a status of 200.
    assert.doesNotMatch(output, /command not found|"userErrors":\s*\[\s*\{|"errors":\s*\[\s*\{/, `${command}\n${output}`);
    if (process.env.SHOW) console.log(output);
    if (shown) assert.ok(fits(shown, output), `${command}\nshown:\n${shown}\nis:\n${output}`);
  }
}

function isPartOf(name, text) {
  assert.ok(file(name).includes(text), `the block is not in ${name} as it stands`);
}

const CHECKS = {
  /** One document, or several below each other. Texts may be shortened by `…`. */
  json(text) {
    const documents = text.trim().split(/\n(?=[{[])/);
    for (const document of documents) JSON.parse(document);
  },
  graphql(text) {
    for (const operation of text.split(/\n(?=(?:mutation|query|subscription)\b)/)) {
      assert.deepEqual(validate(schema, parse(operation)).map((error) => error.message), [], operation);
    }
  },
};
