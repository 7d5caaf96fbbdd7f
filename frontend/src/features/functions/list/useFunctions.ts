// The list of matching functions, loaded page by page and kept up to date: a change to a listed function updates its
// row; if another function starts to match, the pages are fetched again.

import { useCallback, useEffect, useRef, useState } from "react";
import { useClient } from "urql";
import { ask } from "../../../graphql/client.ts";
import {
  FunctionChangedDocument,
  FunctionsCallsDocument,
  type FunctionsCallsQueryVariables,
  FunctionsDocument,
  type FunctionsQuery,
  RunChangedDocument,
} from "../../../graphql/generated.ts";
import { useFollowed } from "../../../graphql/live.ts";
import { link } from "../../../graphql/socket.ts";
import { useStore } from "../../../lib/store.ts";
import type { Spark } from "../../../ui/spark.ts";
import { fits, joined, orderOf, questionOf, type Wanted } from "./query.ts";

/** Maximum number of pages, of a hundred functions each. */
export const PAGES = 10;
/** The minimum interval between fetches, in milliseconds. */
const LOOK_EVERY = 1_000;
/** How often the sparklines are refreshed, in milliseconds. */
const CHARTS_EVERY = 15_000;

type Connection = FunctionsQuery["functions"];
type Question = FunctionsCallsQueryVariables;
export type Listed = Connection["nodes"][number];

export interface Functions {
  /** Undefined before the first page is loaded. */
  rows: readonly Listed[] | undefined;
  total: number;
  /** Whether further pages are loading. */
  more: boolean;
  /** Whether there are more functions than are ever loaded. */
  cut: boolean;
  /** Whether the rows are the result of an earlier query. */
  old: boolean;
  error: Error | undefined;
  again: () => void;
  /** The query to the server. */
  question: Question;
}

export function useFunctions(wanted: Wanted): Functions {
  const client = useClient();
  const [{ key: answered, pages }, setPages] = useState<{ key: string; pages: readonly Connection[] }>({
    key: "",
    pages: [],
  });
  const [error, setError] = useState<Error | undefined>(undefined);
  const [round, setRound] = useState(0);
  const { opened } = useStore(link);
  const { rows, total, more, cut } = joined(pages, PAGES);
  // A complete list is sorted here; an incomplete one by the server.
  const [long, setLong] = useState(false);
  if (long !== cut && pages.length > 0 && !more) setLong(cut);
  const question: Question = { ...questionOf(wanted), ...(long ? orderOf(wanted.sort) : {}) };
  const key = JSON.stringify(question);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round, or a connection that stands again, asks anew; `key` is the question
  useEffect(() => {
    const asked: { after: string | null; stop: () => void }[] = [];
    const load = (index: number, after: string | null) => {
      if (index >= PAGES || asked[index]?.after === after) return;
      asked[index]?.stop();
      const source = client.query(FunctionsDocument, { ...question, after }, { requestPolicy: "cache-and-network" });
      const { unsubscribe } = source.subscribe(({ data, error: fault }) => {
        setError(data ? undefined : fault);
        if (!data) return;
        const page = data.functions;
        setPages((known) => {
          const before = known.key === key ? known.pages : [];
          const next = before.slice(0, page.pageInfo.hasNextPage ? before.length : index + 1);
          next[index] = page;
          return { key, pages: next };
        });
        if (page.pageInfo.hasNextPage && page.pageInfo.endCursor) load(index + 1, page.pageInfo.endCursor);
      });
      asked[index] = { after, stop: unsubscribe };
    };
    load(0, null);
    return () => {
      for (const { stop } of asked) stop();
    };
  }, [client, key, round, opened]);

  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const again = useCallback(() => setRound((number) => number + 1), []);
  const known = useRef<ReadonlySet<string>>(new Set());
  known.current = new Set(rows?.map(({ id }) => id));
  useFollowed(FunctionChangedDocument, {}, ({ functionChanged: { function: of } }) => {
    if (known.current.has(of.id) === fits(of, wanted)) return;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      again();
    }, LOOK_EVERY);
  });
  // The cache updates the latest run of a function.
  useFollowed(RunChangedDocument, {});
  return { rows, total, more, cut, old: answered !== key, error, again, question };
}

/** The calls of the last hour by minute, for each function; refreshed while the page is visible. */
export function useCalls(question: Question): ReadonlyMap<string, readonly Spark[]> {
  const [calls, setCalls] = useState<ReadonlyMap<string, readonly Spark[]>>(new Map());
  const key = JSON.stringify(question);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` is the question
  useEffect(() => {
    const gone = new AbortController();
    const look = async () => {
      if (document.hidden) return;
      const found = new Map<string, readonly Spark[]>();
      try {
        let after: string | null = null;
        for (let page = 0; page < PAGES; page++) {
          const { functions }: Awaited<ReturnType<typeof chartsOf>> = await chartsOf(question, after, gone.signal);
          for (const { id, calls } of functions.nodes) found.set(id, calls);
          after = functions.pageInfo.hasNextPage ? functions.pageInfo.endCursor : null;
          if (!after) break;
        }
        if (!gone.signal.aborted) setCalls(found);
      } catch {
        // The list itself shows that the server is not available; outdated charts are better than none.
      }
    };
    void look();
    const timer = setInterval(() => void look(), CHARTS_EVERY);
    return () => {
      gone.abort();
      clearInterval(timer);
    };
  }, [key]);
  return calls;
}

function chartsOf(question: Question, after: string | null, signal: AbortSignal) {
  return ask(FunctionsCallsDocument, { ...question, after }, signal);
}
