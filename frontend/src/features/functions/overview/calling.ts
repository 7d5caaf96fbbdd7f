// How a function is called, for people who copy it into a terminal; and what its triggers would send.

import type { FunctionTriggersFragment } from "../../../graphql/generated.ts";
import { dataFor, typeFor } from "../../../lib/sample.ts";

type Trigger = FunctionTriggersFragment["triggers"][number];

/** A text as one word of a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Ways to call a function, each with its name. */
export function ways(
  of: { name: string; namespace: string; url: string | null; triggers: readonly Trigger[] },
  origin: string,
): { name: string; command: string }[] {
  const bearer = `-H "Authorization: Bearer $TOKEN"`;
  const found: { name: string; command: string }[] = [];
  if (of.url) {
    const json = `-H 'content-type: application/json' -d '{"name": "Ada"}'`;
    const http = of.triggers.filter(({ type }) => type === "http");
    // Nobody shows a token to a function that everybody may call.
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

/** How the newest calls went: how many of those that are over failed, and the newest that did. */
export function trouble<T extends { state: string; finishedAt: string | null }>(
  newestFirst: readonly T[],
): { failed: number; of: number; newest: T | undefined } {
  const over = newestFirst.filter(({ finishedAt, state }) => finishedAt !== null && state !== "CANCELLED");
  const bad = over.filter(({ state }) => BAD.has(state));
  return { failed: bad.length, of: over.length, newest: bad[0] };
}
