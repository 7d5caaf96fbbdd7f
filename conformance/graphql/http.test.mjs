// The audit of graphql-http: every MUST, SHOULD and MAY of GraphQL over HTTP that it knows.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { serverAudits } from "graphql-http";
import { start, TOKEN } from "../server.mjs";

/** Audits of the pinned version: one that is no longer there is not one that passes. */
const AUDITS = 61;

let server;
before(async () => {
  server = await start();
});
after(() => server?.stop());

const audits = serverAudits({
  url: () => `${server.url}/graphql`,
  fetchFn: (url, init = {}) => fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${TOKEN}` } }),
});

test("all audits are there", () => assert.equal(audits.length, AUDITS));

for (const { id, name, fn } of audits) {
  test(`${id} ${name}`, async () => {
    const result = await fn();
    assert.equal(result.status, "ok", result.reason);
  });
}
