// How GraphiQL reaches the server: queries and mutations by POST, subscriptions by WebSocket
// (`graphql-transport-ws`), both at the URL that served the page.

import { type DocumentNode, Kind, OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { sent } from "./headers.ts";

/** Maximum number of a subscription's results on the screen; older ones scroll out. */
const KEPT = 200;
/** Maximum number of characters shown of an answer that is not JSON. */
const QUOTED = 300;

/** An operation as GraphiQL passes it. */
export interface Operation {
  query: string;
  operationName?: string | null;
  variables?: Record<string, unknown> | null;
}

interface Sink {
  next(value: unknown): void;
  error(reason: Error): void;
  complete(): void;
}

/** The object that GraphiQL expects: it calls `unsubscribe` when the stop button is pressed. */
interface Live {
  subscribe(sink: Sink): { unsubscribe(): void };
}

interface Options {
  headers?: Record<string, unknown>;
  documentAST?: DocumentNode | undefined;
}

/**
 * Makes the function that sends one operation, by the way that its kind asks for. GraphiQL reads the
 * schema before its headers editor exists: that one question goes out with `initial`.
 */
export function fetcher(initial: Record<string, unknown>) {
  return (operation: Operation, options?: Options): Promise<unknown> | Live => {
    const introspects = operation.operationName === "IntrospectionQuery";
    const headers = sent(options?.headers ?? (introspects ? initial : undefined));
    return isSubscription(operation, options?.documentAST) ? follow(operation, headers) : post(operation, headers);
  };
}

/** Whether the named operation (or the only one) is a subscription. */
export function isSubscription(operation: Operation, document: DocumentNode | undefined): boolean {
  const operations = (document?.definitions ?? []).filter((part) => part.kind === Kind.OPERATION_DEFINITION);
  const chosen =
    operations.length === 1 ? operations[0] : operations.find((part) => part.name?.value === operation.operationName);
  return chosen?.operation === OperationTypeNode.SUBSCRIPTION;
}

async function post(operation: Operation, headers: Record<string, string>): Promise<unknown> {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { accept: "application/json", ...headers, "content-type": "application/json" },
    body: JSON.stringify(operation),
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`the server answered ${response.status} and not JSON: ${text.slice(0, QUOTED)}`);
  }
}

/**
 * Follows a subscription. GraphiQL shows only the latest result, which hides a log: each result is
 * therefore shown on top of those before it.
 */
function follow(operation: Operation, headers: Record<string, string>): Live {
  return {
    subscribe(sink) {
      const url = new URL("/graphql", location.href);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      // No silent reconnect: a repeated subscription would repeat results. To go on without a gap, run
      // it again with the last position as `afterPosition` (or `after`).
      const client = createClient({ url: url.href, connectionParams: headers, retryAttempts: 0 });
      const collected = collect(KEPT);
      const stop = client.subscribe(
        {
          query: operation.query,
          operationName: operation.operationName ?? null,
          variables: operation.variables ?? null,
        },
        {
          next: (result) => sink.next(collected(result)),
          error: (reason) => {
            sink.error(explain(reason));
            void client.dispose();
          },
          complete: () => {
            sink.complete();
            void client.dispose();
          },
        },
      );
      return { unsubscribe: stop };
    },
  };
}

/** Keeps the latest `limit` results, newest first, as one object to show. */
export function collect(limit: number): (result: { data?: unknown; errors?: unknown }) => unknown {
  let received = 0;
  let latest: unknown[] = [];
  return (result) => {
    received += 1;
    latest = [result.errors === undefined ? result.data : result, ...latest].slice(0, limit);
    return { received, newestFirst: latest };
  };
}

/** The message for an error of a WebSocket. */
export function explain(reason: unknown): Error {
  if (Array.isArray(reason)) {
    return new Error(reason.map((each: { message?: string }) => each.message ?? String(each)).join("; "));
  }
  if (reason instanceof Error) return reason;
  if (typeof reason === "object" && reason !== null && "code" in reason) {
    const { code, reason: words } = reason as { code: number; reason?: string };
    const hint = code === 4401 || code === 4403 ? " Is there a valid token in the headers editor?" : "";
    return new Error(`the connection was closed with code ${code}${words ? ` (${words})` : ""}.${hint}`);
  }
  return new Error("the WebSocket could not be opened: is the server running, and is the token valid?");
}
