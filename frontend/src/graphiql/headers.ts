// The contents of the headers editor, and how they are sent over a WebSocket.

import { DEV_TOKEN } from "./devToken.ts";

/** The initial text of the headers editor in a new tab. */
export function defaultHeaders(dev: boolean): string {
  return JSON.stringify({ Authorization: `Bearer ${dev ? DEV_TOKEN : ""}` }, null, 2);
}

/**
 * The editor's headers as strings, without empty ones. A browser cannot set headers on a WebSocket, so
 * these also go out as the payload of its first message (`connection_init`).
 */
export function sent(headers: Record<string, unknown> | undefined): Record<string, string> {
  const pairs = Object.entries(headers ?? {}).map(([name, value]) => [name, String(value ?? "").trim()] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value !== "" && value !== "Bearer"));
}

/**
 * The headers that the editor is going to show: what the person chose to keep in this browser, else the
 * default. What cannot be read is left to the editor, which marks the fault.
 */
export function first(fallback: string, stored = localStorage.getItem("graphiql:headers")): Record<string, unknown> {
  try {
    const headers: unknown = JSON.parse(stored || fallback);
    return typeof headers === "object" && headers !== null ? { ...headers } : {};
  } catch {
    return {};
  }
}
