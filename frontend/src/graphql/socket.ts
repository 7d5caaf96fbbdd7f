// The one WebSocket (`graphql-transport-ws`) that everything live comes through, and what is known of it.
//
// A connection that is lost is opened again, for ever. Each subscription then goes on after the last position that
// it saw: the documents call that variable `after`, and it is moved along with every result.

import { type SubscriptionForwarder, stringifyDocument, type TypedDocumentNode } from "@urql/core";
import { type Client, createClient, type ExecutionResult } from "graphql-ws";
import { Store } from "../lib/store.ts";
import { forget, subjectOf, Waiting, withNextFrame } from "./frames.ts";

/** How the connection is. `idle`: nothing is followed. */
export type Link = "idle" | "connecting" | "open" | "lost";

/** What is known of the connection; `opened` counts how often it was opened, so that a page can look again. */
export const link = new Store<{ state: Link; opened: number }>({ state: "idle", opened: 0 });

/** The server's refusal to talk to whoever this browser is signed in as. */
const REFUSED = new Set([4401, 4403]);
/** How often the server is asked whether it is there, and how long it may take to say so, in milliseconds. */
const PING_EVERY = 10_000;
const PONG_WITHIN = 5_000;
/** The longest pause between two tries to connect, in milliseconds. */
const MAX_PAUSE = 4_000;

let client: Client | undefined;
let refused: () => void = () => {};

/** Says what to do when the server no longer knows who this is. */
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
    // A browser tells nothing but an `Event` when the server is away: that, too, is tried again.
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

/** Ends the connection, so that the next one is made with the session of then. */
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

/** The position that a result carries, in its one field. */
export function positionOf(data: unknown): number | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  for (const value of Object.values(data)) {
    const position = (value as { position?: unknown } | null)?.position;
    if (typeof position === "number") return position;
  }
  return undefined;
}

/** Follows a subscription until the returned function is called. */
export function follow<T>(request: Request, sink: Sink<T>): () => void {
  client ??= open();
  const variables = { ...request.variables };
  // When the connection comes back the client sends this object again: what has changed in it by then counts.
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

/** The same for a document, past the cache: for lines of logs, which are many and change nothing else. */
export function followDocument<T, V extends Record<string, unknown>>(
  document: TypedDocumentNode<T, V>,
  variables: V,
  sink: Sink<T>,
): () => void {
  return follow({ query: stringifyDocument(document), variables }, sink);
}

/** As urql's subscription exchange wants it: what comes between two frames is taken in together. */
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
