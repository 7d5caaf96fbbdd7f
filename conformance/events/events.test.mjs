// CloudEvents and webhooks as the libraries of those who send them write them: EventFlow takes what is right, keeps what was
// said, and takes nothing that is wrong.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { sign } from "@octokit/webhooks-methods";
import { CloudEvent, HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";
import { start, TOKEN, until } from "../server.mjs";

const examples = createRequire(import.meta.url)("@octokit/webhooks-examples");

/** Kinds of events in the pinned version: examples that are no longer there do not pass. */
const KINDS = 58;

const GITHUB = "It's a Secret to Everybody";
const STANDARD = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const STRIPE = "whsec_test_secret";

const MANIFEST = {
  runtime: "node",
  triggers: [
    { type: "webhook", name: "github", scheme: "github", secret: "GITHUB" },
    { type: "webhook", name: "standard", scheme: "standard-webhooks", secret: "STANDARD" },
    { type: "webhook", name: "stripe", preset: "stripe", secret: "STRIPE" },
  ],
};

let server, folder;

before(async () => {
  server = await start();
  folder = mkdtempSync(join(tmpdir(), "eventflow-suite-"));
  await register();
});
after(async () => {
  if (folder) rmSync(folder, { recursive: true, force: true });
  await server?.stop();
});

const authorized = { authorization: `Bearer ${TOKEN}` };

async function graphql(query, variables) {
  const headers = { ...authorized, "content-type": "application/json" };
  const answer = await fetch(`${server.url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined);
  return data;
}

/** A function that runs, with the webhooks of this suite. */
async function register() {
  for (const [name, value] of Object.entries({ GITHUB, STANDARD, STRIPE })) {
    await graphql("mutation($n: String!, $v: String!) { setSecret(namespace: \"default\", name: $n, value: $v) { userErrors { message } } }", { n: name, v: value });
  }
  writeFileSync(join(folder, "index.js"), "exports.handler = async () => null;");
  writeFileSync(join(folder, "function.json"), JSON.stringify(MANIFEST));
  const bundle = execFileSync("tar", ["-czf", "-", "-C", folder, "index.js", "function.json"]);
  const uploaded = await fetch(`${server.url}/v1/bundles`, { method: "POST", headers: authorized, body: bundle });
  const { digest } = await uploaded.json();
  const { registerFunction } = await graphql(
    "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { function { id } userErrors { message } } }",
    { input: { name: "suite", source: { bundle: { digest } } } },
  );
  assert.deepEqual(registerFunction.userErrors, []);
  const { id } = registerFunction.function;
  await graphql("mutation($id: ID!) { buildFunction(id: $id) { userErrors { message } } }", { id });
  await until("the function is built", async () => (await graphql("query($id: ID!) { function(id: $id) { currentVersion { number } } }", { id })).function.currentVersion);
  await graphql("mutation($id: ID!) { startFunction(id: $id) { userErrors { message } } }", { id });
}

/** Publishes, and resolves with the ids of the events in EventFlow. */
async function publish({ headers, body }) {
  const answer = await fetch(`${server.url}/v1/events`, { method: "POST", headers: { ...authorized, ...headers }, body });
  const said = await answer.json();
  assert.equal(answer.status, 202, JSON.stringify(said));
  return said.events.map((event) => event.id);
}

async function deliver(name, headers, body) {
  const answer = await fetch(`${server.url}/hooks/default/suite/${name}`, { method: "POST", headers, body });
  return { status: answer.status, said: await answer.json() };
}

/** An event as it was kept. */
async function kept(id) {
  return (await graphql("query($id: ID!) { event(id: $id) { cloudEvent } }", { id })).event.cloudEvent;
}

describe("the CloudEvents SDK for JavaScript", () => {
  const event = (id) =>
    new CloudEvent({ id, source: "/suite/js", type: "suite.js", subject: "one", shard: "7", time: "2026-01-31T12:00:00.000Z", datacontenttype: "application/json", data: { z: 1, a: "ä", m: [1.5, null] } });

  for (const [mode, write] of [["binary", HTTP.binary], ["structured", HTTP.structured]]) {
    test(`is understood in the ${mode} mode, and reads again what was kept`, async () => {
      const sent = event(`js-${mode}`);
      const [id] = await publish(write(sent));
      const read = new CloudEvent(await kept(id));
      for (const name of ["id", "source", "type", "subject", "shard", "time", "specversion"]) assert.equal(read[name], sent[name], name);
      assert.deepEqual(read.data, sent.data);
    });
  }

  test("is understood in the batch mode", async () => {
    const batch = ["js-batch-1", "js-batch-2"].map((id) => event(id).toJSON());
    const ids = await publish({ headers: { "content-type": "application/cloudevents-batch+json" }, body: JSON.stringify(batch) });
    const read = await Promise.all(ids.map(kept));
    assert.deepEqual(read.map((event) => event.id), ["js-batch-1", "js-batch-2"]);
  });

  test("sends bytes that stay bytes", async () => {
    const sent = new CloudEvent({ id: "js-bytes", source: "/suite/js", type: "suite.js", datacontenttype: "image/png", data: new Uint8Array([0, 255, 1]) });
    const [id] = await publish(HTTP.binary(sent));
    assert.equal((await kept(id)).data_base64, "AP8B");
  });
});

describe("the libraries for Python", () => {
  let written;
  before(() => {
    const [venv, here] = [join(folder, "venv"), import.meta.dirname];
    execFileSync("python3", ["-m", "venv", venv]);
    execFileSync(join(venv, "bin/pip"), ["install", "-q", "--disable-pip-version-check", "-r", join(here, "requirements.txt")]);
    written = JSON.parse(execFileSync(join(venv, "bin/python"), [join(here, "senders.py"), STANDARD], { encoding: "utf8" }));
  });

  for (const mode of ["binary", "structured"]) {
    test(`CloudEvents are understood in the ${mode} mode`, async () => {
      const [id] = await publish(written[mode]);
      const read = await kept(id);
      assert.deepEqual([read.id, read.subject, read.data.a], [`python-${mode}`, 'café "quoted" 50%', "ä"]);
      assert.equal(Date.parse(read.time), Date.parse("2026-01-31T12:00:00.123Z"));
    });
  }

  test("a delivery by Standard Webhooks is taken", async () => {
    const { headers, body } = written.delivery;
    assert.equal((await deliver("standard", headers, body)).status, 202);
  });
});

describe("Standard Webhooks for JavaScript", () => {
  const signed = (id, at, body) => ({
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(STANDARD).sign(id, at, body),
  });

  test("signs what is taken once, and nothing else", async () => {
    const body = '{"n":1}';
    const headers = signed("msg_js", new Date(), body);
    const first = await deliver("standard", headers, body);
    assert.deepEqual([first.status, first.said.duplicate], [202, false]);
    assert.equal((await deliver("standard", headers, body)).said.duplicate, true);
    assert.equal((await deliver("standard", headers, '{"n":2}')).said.error.code, "bad_signature");
    const old = signed("msg_old", new Date(Date.now() - 600_000), body);
    assert.equal((await deliver("standard", old, body)).said.error.code, "stale_timestamp");
  });
});

describe("Stripe's library", () => {
  test("signs what is taken once", async () => {
    const payload = JSON.stringify({ id: "evt_suite", object: "event" }, null, 2);
    const header = (secret) => new Stripe("sk_test_suite").webhooks.generateTestHeaderString({ payload, secret });
    const first = await deliver("stripe", { "stripe-signature": header(STRIPE) }, payload);
    assert.deepEqual([first.status, first.said.duplicate], [202, false]);
    assert.equal((await deliver("stripe", { "stripe-signature": header(STRIPE) }, payload)).said.duplicate, true);
    assert.equal((await deliver("stripe", { "stripe-signature": header("whsec_other") }, payload)).status, 401);
  });
});

describe("GitHub's own examples", () => {
  test("all kinds are there", () => assert.equal(examples.length, KINDS));

  for (const { name, examples: payloads } of examples) {
    test(`${name}: as JSON and as a form`, async () => {
      for (const [index, payload] of payloads.entries()) {
        const json = JSON.stringify(payload);
        for (const [kind, body] of [["application/json", json], ["application/x-www-form-urlencoded", new URLSearchParams({ payload: json }).toString()]]) {
          const { status, said } = await deliver(
            "github",
            { "content-type": kind, "x-github-event": name, "x-github-delivery": `${name}-${index}-${kind.length}`, "x-hub-signature-256": await sign(GITHUB, body) },
            body,
          );
          if (name === "ping") {
            assert.equal(status, 200);
            continue;
          }
          assert.equal(status, 202, JSON.stringify(said));
          const event = await kept(said.event_id);
          assert.deepEqual(event.data, payload);
          assert.equal(event.http.rawBody === undefined, kind === "application/json");
        }
      }
    });
  }
});
