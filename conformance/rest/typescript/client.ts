// Does by the generated client what a program does: signs in, registers, invokes, publishes, looks, and is refused.

import createClient from "openapi-fetch";
import type { components, paths } from "./eventflow.js";

const [, , baseUrl, devToken] = process.argv as string[];
let answers = 0;

function check(condition: unknown, what: string): asserts condition {
  answers += 1;
  if (!condition) throw new Error(`not so: ${what}`);
}

const nobody = createClient<paths>({ baseUrl });
const methods = await nobody.GET("/auth/methods");
check(methods.data?.methods.includes("dev_token"), "the server takes the development token");
const signedIn = await nobody.POST("/auth/token", { body: { username: "admin", password: "admin" } });
check(signedIn.data, "admin signs in");
const unknown = await nobody.GET("/v1/functions");
const refused: components["schemas"]["Error"] | undefined = unknown.error;
check(unknown.response.status === 401 && refused?.error.code === "unauthenticated", "nobody is let in");

const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${signedIn.data.token}` } });
const listed = await client.GET("/v1/functions", { params: { query: { limit: 10, status: "RUNNING" } } });
check(listed.data?.some((one) => one.name === "hello"), "the demo function runs");
const hello = await client.GET("/v1/functions/{name}", { params: { path: { name: "hello" } } });
check(hello.data?.status === "RUNNING", "it is found by its name");

const body: components["schemas"]["NewFunction"] = {
  name: "typed",
  source: { git: { url: "https://git.example.com/typed.git", ref: "main" } },
  replicas: 0,
};
const made = await client.POST("/v1/functions", { body });
check(made.response.status === 201 && made.data?.name === "typed", "a function is registered");
const again = await client.POST("/v1/functions", { body: { ...body, replicas: 2 } });
check(again.error?.error.code === "name_taken", "its name is taken");
const gone = await client.DELETE("/v1/functions/{name}", { params: { path: { name: "typed" } } });
check(gone.response.status === 204, "it is deregistered");

const invoked = await client.POST("/v1/functions/{name}:invoke", {
  params: { path: { name: "hello" }, query: { wait: "60s" } },
  body: { n: 1 },
});
check(invoked.data && "state" in invoked.data && invoked.data.state === "SUCCEEDED", "it was waited for");
const run = await client.GET("/v1/runs/{id}", { params: { path: { id: invoked.data.id } } });
check(run.data?.function_id === hello.data.id, "the run is that of the function");
const log = await client.GET("/v1/functions/{name}/logs", { params: { path: { name: "hello" } }, parseAs: "text" });
check(log.response.ok && !log.error, "its log is there");

const event = { specversion: "1.0" as const, id: "1", source: "/typed", type: "typed.done", data: { n: 1 }, shard: 7 };
const published = await client.POST("/v1/events", {
  body: event,
  headers: { "Content-Type": "application/cloudevents+json" },
});
check(published.data?.events[0]?.duplicate === false, "an event is published");
const batch = await client.POST("/v1/events", {
  body: [event],
  headers: { "Content-Type": "application/cloudevents-batch+json" },
});
check(batch.data?.events[0]?.duplicate === true, "the same one again is a duplicate");

const letters = await client.GET("/v1/dead-letters", { params: { query: { limit: 1 } } });
check(letters.data?.length === 0 && letters.response.headers.get("x-total-count") === "0", "nothing is dead");
const swept = await client.POST("/v1/dead-letters:purge", { body: { limit: 10 } });
check(swept.data?.purged === 0, "nothing is purged");
const out = await client.POST("/auth/logout");
check(out.response.status === 204, "the session ends");
const over = await client.GET("/v1/functions");
check(over.error?.error.code === "unauthenticated", "its token is good no more");
const dev = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${devToken}` } });
check((await dev.GET("/readyz")).data?.status, "the server is ready");

console.log(`done: ${answers} answers`);
