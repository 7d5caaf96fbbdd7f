// Queries whose results stay up to date: by subscriptions, or by fetching again where these are not enough.

import { type AnyVariables, type CombinedError, createRequest, type TypedDocumentNode } from "@urql/core";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { useClient, useQuery } from "urql";
import { useStore } from "../lib/store.ts";
import { link } from "./socket.ts";

/** The minimum interval between fetches of the same list, in milliseconds. */
const LOOK_EVERY = 1_000;

/** The state of a query, for a page. */
export interface Asked<T> {
  data: T | undefined;
  error: CombinedError | undefined;
  fetching: boolean;
  /** Whether the data shown belong to earlier variables, while those for the current ones are loading. */
  old: boolean;
  again: () => void;
}

/** Runs a query, and repeats it after a lost connection or on `look`. */
export function useAsked<T, V extends AnyVariables>(
  document: TypedDocumentNode<T, V>,
  variables: V,
  pause = false,
): Asked<T> & { look: () => void } {
  const [result, execute] = useQuery<T, V>({ query: document, variables, pause } as never);
  const latest = useRef(execute);
  latest.current = execute;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const again = useCallback(() => latest.current({ requestPolicy: "network-only" }), []);
  const look = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      again();
    }, LOOK_EVERY);
  }, [again]);
  useEffect(() => () => clearTimeout(timer.current), []);

  // Events from before the socket was open, or while it was not, were not delivered by any subscription.
  const { opened } = useStore(link);
  const seen = useRef(opened);
  useEffect(() => {
    if (seen.current === opened) return;
    seen.current = opened;
    if (!pause) look();
  }, [opened, pause, look]);

  // A failed fetch removes nothing: the last known result stays until there is a newer one.
  const asked = JSON.stringify(variables);
  const last = useRef<{ asked: string; document: unknown; data: T } | undefined>(undefined);
  // With an error, the cache returns null instead of undefined.
  if (result.data) last.current = { asked, document, data: result.data };
  const same = last.current?.asked === asked && last.current.document === document;
  const data = result.data ?? (result.error && same ? last.current?.data : undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `asked` is the variables
  const key = useMemo(() => createRequest(document, variables).key, [document, asked]);
  const old = data !== undefined && result.operation !== undefined && result.operation.key !== key;

  return { data, error: result.error, fetching: result.fetching, old, again, look };
}

/** Repeats failed queries automatically as soon as the connection is restored. */
export function useReopened(failed: boolean, again: () => void) {
  const { opened } = useStore(link);
  const seen = useRef(opened);
  useEffect(() => {
    if (seen.current === opened) return;
    seen.current = opened;
    if (failed) again();
  }, [opened, failed, again]);
}

/**
 * Follows a subscription whose results go into the cache; `changed` gets each of them. A result by itself draws nothing
 * anew: only what it changes in the cache does, where that is shown.
 */
export function useFollowed<T, V extends AnyVariables>(
  document: TypedDocumentNode<T, V>,
  variables: V,
  changed?: (data: T) => void,
  pause = false,
) {
  const client = useClient();
  const listener = useRef(changed);
  listener.current = changed;
  const asked = useRef(variables);
  asked.current = variables;
  const key = JSON.stringify(variables);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` is the variables
  useEffect(() => {
    if (pause) return;
    const { unsubscribe } = client.subscription(document, asked.current).subscribe(({ data }) => {
      if (data) listener.current?.(data);
    });
    return unsubscribe;
  }, [client, document, key, pause]);
}
