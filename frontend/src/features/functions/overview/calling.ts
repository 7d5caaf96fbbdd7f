// Shell commands that call a function, and sample events for its triggers.

import type { FunctionTriggersFragment } from "../../../graphql/generated.ts";
import { dataFor, typeFor } from "../../../lib/sample.ts";

type Trigger = FunctionTriggersFragment["triggers"][number];

/** Quotes a text as one shell word. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The ways to call a function, with their names. */
export function ways(
  of: { name: string; namespace: string; url: string | null; triggers: readonly Trigger[] },
  origin: string,
): { name: string; command: string }[] {
  const bearer = `-H "Authorization: Bearer $TOKEN"`;
  const found: { name: string; command: string }[] = [];
  if (of.url) {
    const json = `-H 'content-type: application/json' -d '{"name": "Ada"}'`;
    const http = of.triggers.filter(({ type }) => type === "http");
    // A public function needs no token.
    const curl = http.some(({ auth }) => auth === "NONE") ? "curl" : `curl ${bearer}`;
    found.push({ name: "HTTP", command: `${curl} \\\n  ${json} \\\n  ${quoted(of.url)}` });
    for (const { path, pathUrl } of http) {
      if (path && pathUrl) {
        found.push({ name: `HTTP at ${path}`, command: `${curl} \\\n  ${json} \\\n  ${quoted(pathUrl)}` });
      }
    }
    const later = of.url.replace("/function/", "/async-function/");
    if (later !== of.url) {
      found.push({ name: "HTTP, answered later", command: `curl ${bearer} \\\n  ${json} \\\n  ${quoted(later)}` });
    }
  }
  const event = of.triggers.find(({ type, pattern }) => type === "event" && pattern !== null);
  if (event?.pattern) {
    const body = JSON.stringify({
      specversion: "1.0",
      id: "1",
      source: "/my-program",
      type: typeFor(event.pattern),
      data: dataFor(event.filter),
    });
    const type = `-H 'content-type: application/cloudevents+json'`;
    found.push({
      name: "Event",
      command: `curl ${bearer} \\\n  ${type} \\\n  -d ${quoted(body)} \\\n  ${quoted(`${origin}/v1/events`)}`,
    });
  }
  for (const { type, url, name } of of.triggers) {
    if (type === "webhook" && url)
      found.push({ name: `Webhook ${name ?? ""}`.trim(), command: `curl -d '{}' ${quoted(url)}` });
  }
  return found;
}

const BAD: ReadonlySet<string> = new Set(["FAILED", "TIMED_OUT", "DEAD"]);

/** The results of the latest calls: how many of the finished ones failed, and the latest failure. */
export function trouble<T extends { state: string; finishedAt: string | null }>(
  newestFirst: readonly T[],
): { failed: number; of: number; newest: T | undefined } {
  const over = newestFirst.filter(({ finishedAt, state }) => finishedAt !== null && state !== "CANCELLED");
  const bad = over.filter(({ state }) => BAD.has(state));
  return { failed: bad.length, of: over.length, newest: bad[0] };
}
