// graphql-transport-ws as its reference client speaks it, and what that client never says by a socket of our own.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { PATIENCE, start, TOKEN } from "../server.mjs";

let server;
before(async () => {
  server = await start();
});
after(() => server?.stop());

const address = () => `${server.url.replace("http", "ws")}/graphql`;
const greeting = { Authorization: `Bearer ${TOKEN}` };

function client(options = {}) {
  return createClient({ url: address(), webSocketImpl: WebSocket, connectionParams: greeting, retryAttempts: 0, ...options });
}

/** Publishes an event, so that there is something to follow. */
async function publish(type) {
  const query = "mutation($input: PublishEventInput!) { publishEvent(input: $input) { event { position } } }";
  const answer = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify({ query, variables: { input: { type } } }),
  });
  return (await answer.json()).data.publishEvent.event.position;
}

describe("the client of graphql-ws", () => {
  test("gets one answer to a query", async () => {
    const one = client();
    const results = [];
    for await (const result of one.iterate({ query: "{ viewer { name } }" })) results.push(result);
    assert.deepEqual(results, [{ data: { viewer: { name: "token:dev" } } }]);
    await one.dispose();
  });

  test("follows several subscriptions and ends them", async () => {
    const one = client();
    const position = await publish("suite.first");
    const query = "subscription($after: Int) { eventReceived(type: \"suite.*\", afterPosition: $after) { event { type } } }";
    const follow = () => one.iterate({ query, variables: { after: position - 1 } });
    const [a, b] = [follow(), follow()];
    for (const stream of [a, b]) {
      const { value } = await stream.next();
      assert.deepEqual(value, { data: { eventReceived: { event: { type: "suite.first" } } } });
    }
    await a.return();
    await publish("suite.second");
    const { value } = await b.next();
    assert.equal(value.data.eventReceived.event.type, "suite.second");
    await b.return();
    await one.dispose();
  });

  test("is told by an error what does not begin", async () => {
    const one = client();
    for (const query of ["{", "{ nonsense }", "query A { __typename } query B { __typename }", "query($v: Int!) { __typename }"]) {
      const refused = one.iterate({ query }).next();
      await assert.rejects(refused, (errors) => Array.isArray(errors) && typeof errors[0].extensions.code === "string", query);
    }
    await one.dispose();
  });

  test("keeps the connection alive by pings", async () => {
    const pong = Promise.withResolvers?.() ?? deferred();
    const one = client({ lazy: false, keepAlive: 50, on: { pong: (received) => received && pong.resolve() } });
    await pong.promise;
    await one.dispose();
  });

  test("is not let in without a token", async () => {
    const one = client({ connectionParams: {} });
    await assert.rejects(one.iterate({ query: "{ __typename }" }).next(), (event) => event.code === 4403);
  });
});

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

/** Says messages one after the other; what is answered until the server closes, and the code that it closes with. */
function talk(messages, { protocol = "graphql-transport-ws", until = () => false } = {}) {
  return new Promise((done, fail) => {
    const socket = new WebSocket(address(), protocol);
    const answers = [];
    const timer = setTimeout(() => fail(new Error(`not closed: ${JSON.stringify(answers)}`)), PATIENCE);
    socket.on("open", () => {
      for (const message of messages) socket.send(typeof message === "string" ? message : JSON.stringify(message));
    });
    socket.on("message", (data) => {
      answers.push(JSON.parse(data.toString()));
      if (until(answers)) socket.close(1000);
    });
    socket.on("close", (code) => {
      clearTimeout(timer);
      done({ answers, code });
    });
    socket.on("error", fail);
  });
}

const init = { type: "connection_init", payload: greeting };
const subscribe = (query, id = "1") => ({ type: "subscribe", id, payload: { query } });
const FOREVER = "subscription { eventReceived { position } }";

describe("the server's codes", () => {
  const cases = [
    ["4400 for what is not JSON", [init, "nonsense"], 4400],
    ["4400 for a list", [init, []], 4400],
    ["4400 for an unknown type", [init, { type: "nonsense" }], 4400],
    ["4400 for `start` of the older protocol", [init, { ...subscribe(FOREVER), type: "start" }], 4400],
    ["4400 for `stop` of the older protocol", [init, { type: "stop", id: "1" }], 4400],
    ["4400 for a subscription without an id", [init, { type: "subscribe", payload: { query: FOREVER } }], 4400],
    ["4400 for a subscription without a query", [init, { type: "subscribe", id: "1", payload: {} }], 4400],
    ["4401 before the greeting", [subscribe(FOREVER)], 4401],
    ["4403 for a token that is none", [{ type: "connection_init", payload: { Authorization: "Bearer nonsense" } }], 4403],
    ["4409 for an id that is taken", [init, subscribe(FOREVER), subscribe(FOREVER)], 4409],
    ["4429 for a second greeting", [init, init], 4429],
    ["1009 for a message that is too long", [init, subscribe(`{ __typename } #${"x".repeat(300 << 10)}`)], 1009],
  ];
  for (const [name, messages, code] of cases) {
    test(name, async () => assert.equal((await talk(messages)).code, code));
  }

  test("a ping is answered with its payload, also before the greeting", async () => {
    const { answers } = await talk([{ type: "ping", payload: { n: 1 } }], { until: () => true });
    assert.deepEqual(answers, [{ type: "pong", payload: { n: 1 } }]);
  });

  test("nothing is said of what the client has ended", async () => {
    const last = (answers) => answers.at(-1)?.id === "2" && answers.at(-1).type === "complete";
    const messages = [init, subscribe(FOREVER), { type: "complete", id: "1" }, subscribe("{ __typename }", "2")];
    const { answers } = await talk(messages, { until: last });
    assert.deepEqual(answers.map(({ type, id }) => [type, id]), [["connection_ack", undefined], ["next", "2"], ["complete", "2"]]);
  });

  test("the 101st subscription is an error of its own", async () => {
    const many = Array.from({ length: 101 }, (_, index) => subscribe(FOREVER, String(index)));
    const { answers } = await talk([init, ...many], { until: (answers) => answers.at(-1).type === "error" });
    const error = answers.at(-1);
    assert.equal(error.id, "100");
    assert.equal(error.payload[0].extensions.code, "too_many_subscriptions");
  });

  test("the older protocol goes on as it was", async () => {
    const messages = [init, { type: "start", id: "1", payload: { query: "{ __typename }" } }];
    const { answers } = await talk(messages, { protocol: "graphql-ws", until: (answers) => answers.at(-1).type === "complete" });
    assert.deepEqual(answers.map(({ type }) => type), ["connection_ack", "data", "complete"]);
  });
});
