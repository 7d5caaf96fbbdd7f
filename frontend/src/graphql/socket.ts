// The WebSocket (`graphql-transport-ws`) shared by all subscriptions, and its state.
//
// A lost connection is reopened for ever. Each subscription then continues after the last position it received:
// documents call that variable `after`, and it is updated with every result.

import { type SubscriptionForwarder, stringifyDocument, type TypedDocumentNode } from "@urql/core";
import { type Client, createClient, type ExecutionResult } from "graphql-ws";
import { Store } from "../lib/store.ts";
import { forget, subjectOf, Waiting, withNextFrame } from "./frames.ts";

/** The state of the connection. `idle`: there are no subscriptions. */
export type Link = "idle" | "connecting" | "open" | "lost";

/** The connection; `opened` counts how often it was opened, so that pages can fetch again. */
export const link = new Store<{ state: Link; opened: number }>({ state: "idle", opened: 0 });

/** The server's refusal of the current session. */
const REFUSED = new Set([4401, 4403]);
/** The interval and the time limit of pings to the server, in milliseconds. */
const PING_EVERY = 10_000;
const PONG_WITHIN = 5_000;
/** The maximum delay between attempts to connect, in milliseconds. */
const MAX_PAUSE = 4_000;

let client: Client | undefined;
let refused: () => void = () => {};

/** Sets what to do when the server rejects the session. */
export function onRefused(then: () => void) {
  refused = then;
}

function open(): Client {
  const url = new URL("/graphql", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  let silent: ReturnType<typeof setTimeout> | undefined;
  const made: Client = createClient({
    url: url.href,
    keepAlive: PING_EVERY,
    lazyCloseTimeout: 2_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    // A browser reports only an `Event` when the server is not available, so this is retried, too.
    shouldRetry: (reason) => !REFUSED.has((reason as { code?: number } | undefined)?.code ?? 0),
    retryWait: (tries) =>
      new Promise((done) => setTimeout(done, Math.min(MAX_PAUSE, 250 * 2 ** tries) * (0.5 + Math.random() / 2))),
    on: {
      connecting: (again) =>
        link.update((now) => ({ ...now, state: again || now.state === "lost" ? "lost" : "connecting" })),
      connected: () => link.update((now) => ({ state: "open", opened: now.opened + 1 })),
      closed: (reason) => {
        clearTimeout(silent);
        const { code } = reason as { code?: number };
        link.update((now) => ({ ...now, state: code === 1000 ? "idle" : "lost" }));
        if (code !== undefined && REFUSED.has(code)) refused();
      },
      ping: (received) => {
        if (!received) silent = setTimeout(() => made.terminate(), PONG_WITHIN);
      },
      pong: (received) => {
        if (received) clearTimeout(silent);
      },
    },
  });
  return made;
}

/** Closes the connection, so that the next one uses the new session. */
export function disconnect() {
  void client?.dispose();
  client = undefined;
  link.set({ state: "idle", opened: 0 });
}

interface Request {
  query: string;
  operationName?: string | null | undefined;
  variables?: Record<string, unknown> | null | undefined;
}

interface Sink<T> {
  next(result: ExecutionResult<T>): void;
  error(reason: unknown): void;
  complete(): void;
}

/** The position in a result, within its only field. */
export function positionOf(data: unknown): number | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  for (const value of Object.values(data)) {
    const position = (value as { position?: unknown } | null)?.position;
    if (typeof position === "number") return position;
  }
  return undefined;
}

/** Runs a subscription until the returned function is called. */
export function follow<T>(request: Request, sink: Sink<T>): () => void {
  client ??= open();
  const variables = { ...request.variables };
  // After a reconnect, the client sends this object again, with the changes made to it by then.
  const payload = { query: request.query, operationName: request.operationName ?? null, variables };
  return client.subscribe<T>(payload, {
    next: (result) => {
      const position = positionOf(result.data);
      if (position !== undefined) variables.after = position;
      sink.next(result as ExecutionResult<T>);
    },
    error: (reason) => sink.error(reason),
    complete: () => sink.complete(),
  });
}

/** The same for a document, bypassing the cache: for log lines, which are many and change nothing else. */
export function followDocument<T, V extends Record<string, unknown>>(
  document: TypedDocumentNode<T, V>,
  variables: V,
  sink: Sink<T>,
): () => void {
  return follow({ query: stringifyDocument(document), variables }, sink);
}

/** For urql's subscription exchange; results between two frames are processed together. */
export const forward: SubscriptionForwarder = (request) => ({
  subscribe: (sink) => {
    const waiting = new Waiting<ExecutionResult<Record<string, unknown>>>();
    const deliver = () => {
      for (const result of waiting.take()) sink.next(result as never);
    };
    const unsubscribe = follow<Record<string, unknown>>(
      { query: request.query ?? "", variables: request.variables as Record<string, unknown> },
      {
        next: (result) => {
          waiting.add(result.errors ? undefined : subjectOf(result.data), result);
          withNextFrame(deliver);
        },
        error: (reason) => {
          deliver();
          sink.error(toError(reason));
        },
        complete: () => {
          deliver();
          sink.complete();
        },
      },
    );
    return {
      unsubscribe: () => {
        forget(deliver);
        unsubscribe();
      },
    };
  },
});

function toError(reason: unknown): Error {
  if (reason instanceof Error) return reason;
  if (Array.isArray(reason)) return new Error(reason.map((one: { message?: string }) => one.message).join("; "));
  return new Error("the connection was refused");
}
