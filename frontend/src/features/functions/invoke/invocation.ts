// The model of a manual call: a stored draft, header rows, templates from the triggers. Knows no screens.

import type { FunctionTriggersFragment } from "../../../graphql/generated.ts";
import { dataFor, typeFor } from "../../../lib/sample.ts";
import { jsonFault } from "../../../ui/jsonEditor.tsx";

export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] as const;

export interface Header {
  /** Identifies the row while it is edited. */
  key: number;
  name: string;
  value: string;
}

export interface Draft {
  method: string;
  path: string;
  query: string;
  headers: Header[];
  payload: string;
}

export const FIRST: Draft = { method: "POST", path: "/", query: "", headers: [], payload: '{\n  "name": "Ada"\n}' };

/** Parses a stored draft; invalid parts get their defaults. */
export function restored(text: string | null): Draft {
  let stored: Partial<Record<keyof Draft, unknown>> = {};
  try {
    const parsed = JSON.parse(text ?? "{}") as unknown;
    if (typeof parsed === "object" && parsed !== null) stored = parsed;
  } catch {
    // Written by something else, or truncated.
  }
  const word = (value: unknown, otherwise: string) => (typeof value === "string" ? value : otherwise);
  const headers = Array.isArray(stored.headers) ? (stored.headers as unknown[]) : [];
  return {
    method: word(stored.method, FIRST.method),
    path: word(stored.path, FIRST.path),
    query: word(stored.query, FIRST.query),
    payload: word(stored.payload, FIRST.payload),
    headers: headers.flatMap((header, key) => {
      const { name, value } = (header ?? {}) as Partial<Header>;
      return typeof name === "string" && typeof value === "string" ? [{ key, name, value }] : [];
    }),
  };
}

/** What is wrong with a header's name; null if nothing is. */
export function headerFault(name: string): string | null {
  if (name.trim() === "") return null;
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name.trim()) ? null : "Letters, digits and hyphens";
}

/** The rows with an empty one at the end. */
export function added(headers: readonly Header[], name = "", value = ""): Header[] {
  return [...headers, { key: Math.max(-1, ...headers.map(({ key }) => key)) + 1, name, value }];
}

/** The headers to send; rows without a name are ignored. */
export function sent(headers: readonly Header[]): { name: string; value: string }[] {
  return headers
    .filter(({ name }) => name.trim() !== "")
    .map(({ name, value }) => ({ name: name.trim(), value: value.trim() }));
}

/** Splits a path that was typed or pasted: what follows the question mark is the query. */
export function split(path: string): { path: string; query: string | null } {
  const withoutHost = path.replace(/^https?:\/\/[^/]*/i, "");
  const at = withoutHost.indexOf("?");
  const bare = at < 0 ? withoutHost : withoutHost.slice(0, at);
  return { path: bare.startsWith("/") ? bare : `/${bare}`, query: at < 0 ? null : withoutHost.slice(at + 1) };
}

/** Why a draft cannot be sent; null if it can. */
export function draftFault(draft: Draft): string | null {
  const json = jsonFault(draft.payload);
  if (json !== null) return `The payload is no JSON: ${json}`;
  const bad = draft.headers.find(({ name }) => headerFault(name) !== null);
  return bad ? `${bad.name} is no name of a header.` : null;
}

export interface Sample {
  label: string;
  about: string;
  change: Partial<Draft>;
}

type Trigger = FunctionTriggersFragment["triggers"][number];

/** Templates: an HTTP call, and the event of each trigger. */
export function samples(triggers: readonly Trigger[]): Sample[] {
  const pretty = (value: unknown) => JSON.stringify(value, null, 2);
  const found: Sample[] = [
    { label: "JSON by POST", about: "A small body", change: { method: "POST", payload: FIRST.payload } },
    { label: "GET with a query", about: "No body", change: { method: "GET", query: "name=Ada", payload: "" } },
  ];
  for (const trigger of triggers) {
    if (trigger.type === "event" && trigger.pattern !== null) {
      const data = dataFor(trigger.filter);
      found.push({
        label: `Event ${typeFor(trigger.pattern)}`,
        about: "What it would carry as data",
        change: { method: "POST", payload: pretty(Object.keys(data).length > 0 ? data : { id: 1 }) },
      });
    }
    if (trigger.type === "webhook") {
      found.push({
        label: `Webhook ${trigger.name ?? ""}`.trim(),
        about: trigger.scheme === "github" ? "A push, as GitHub tells it" : "A delivery",
        change:
          trigger.scheme === "github"
            ? {
                method: "POST",
                headers: [{ key: 0, name: "x-github-event", value: "push" }],
                payload: pretty({ ref: "refs/heads/main", repository: { full_name: "you/repository" }, commits: [] }),
              }
            : { method: "POST", payload: pretty({ type: "example", data: {} }) },
      });
    }
    if (trigger.type === "schedule") {
      found.push({
        label: `Schedule ${trigger.cron ?? ""}`.trim(),
        about: "What a due time carries",
        change: {
          method: "POST",
          payload: pretty({ cron: trigger.cron, timezone: trigger.timezone, due: trigger.nextFireTimes?.[0] ?? null }),
        },
      });
    }
  }
  return found;
}

const OVER: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELLED", "DEAD"]);

/** Whether a run is over. */
export function over(state: string): boolean {
  return OVER.has(state);
}

/** A result for display: formatted JSON, or text as it is. */
export function readable(output: unknown): string {
  if (typeof output === "string") return output;
  return JSON.stringify(output ?? null, null, 2);
}

/** A payload in a few characters. */
export function excerpt(payload: string, length = 60): string {
  let text = payload.trim();
  try {
    text = JSON.stringify(JSON.parse(text));
  } catch {
    // Shown as it is.
  }
  if (text === "") return "nothing";
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
