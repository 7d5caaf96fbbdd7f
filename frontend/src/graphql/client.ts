// The client of the GraphQL API: POST for queries and mutations, the WebSocket for subscriptions. The session is a
// cookie that scripts cannot read; a header tells the server that a request comes from its own pages.

import {
  Client,
  fetchExchange,
  mapExchange,
  stringifyDocument,
  subscriptionExchange,
  type TypedDocumentNode,
} from "@urql/core";
import { learn } from "../lib/clock.ts";
import { cache } from "./cache.ts";
import { forward } from "./socket.ts";

const HEADERS = { "x-requested-with": "EventFlow", accept: "application/json" };

/** Learns the server's time from every answer. */
const listen: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  learn(response.headers.get("date"));
  return response;
};

let refused: () => void = () => {};

/** Creates a client with an empty cache; `unauthenticated` is called when the server rejects the session. */
export function makeClient(unauthenticated: () => void): Client {
  refused = unauthenticated;
  return new Client({
    url: "/graphql",
    fetch: listen,
    fetchOptions: { credentials: "same-origin", headers: HEADERS },
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
    exchanges: [
      mapExchange({
        onError: (error) => {
          if ((error.response as Response | undefined)?.status === 401) unauthenticated();
        },
      }),
      cache(),
      fetchExchange,
      subscriptionExchange({ forwardSubscription: forward }),
    ],
  });
}

/**
 * Asks once, past the cache: for what has the id of something that is kept and is yet another thing, such as a
 * function as it was last week.
 */
export async function ask<T, V>(document: TypedDocumentNode<T, V>, variables: V, signal?: AbortSignal): Promise<T> {
  const response = await listen("/graphql", {
    method: "POST",
    credentials: "same-origin",
    headers: { ...HEADERS, "content-type": "application/json" },
    body: JSON.stringify({ query: stringifyDocument(document), variables }),
    ...(signal ? { signal } : {}),
  });
  if (response.status === 401) refused();
  // A proxy in between answers in its own format when the server is not available.
  const answer = (await response.json().catch(() => ({}))) as {
    data?: T;
    errors?: { message: string }[];
    error?: { message: string };
  };
  const refusal = answer.errors?.[0]?.message ?? answer.error?.message;
  if (refusal !== undefined || answer.data === undefined) {
    throw new Error(refusal ?? `the server answered ${response.status} without data`);
  }
  return answer.data;
}
