// The list of functions that fit, page after page, kept up to date: a change of a listed function changes its row; when
// another one begins to fit, the pages are asked for again.

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

/** Pages that are loaded at most, of a hundred functions each. */
export const PAGES = 10;
/** The shortest time between two looks at the pages, in milliseconds. */
const LOOK_EVERY = 1_000;
/** How often the small charts are drawn anew, in milliseconds. */
const CHARTS_EVERY = 15_000;

type Connection = FunctionsQuery["functions"];
type Question = FunctionsCallsQueryVariables;
export type Listed = Connection["nodes"][number];

export interface Functions {
  /** Undefined before the first page is there. */
  rows: readonly Listed[] | undefined;
  total: number;
  /** Whether further pages are on their way. */
  more: boolean;
  /** Whether there are more functions than are ever loaded. */
  cut: boolean;
  /** Whether what is there answers an earlier question. */
  old: boolean;
  error: Error | undefined;
  again: () => void;
  /** What is asked of the server. */
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
  // A list that is there as a whole is put in order here; of a longer one, the server says what comes first.
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
  // The cache makes a run the newest of its function.
  useFollowed(RunChangedDocument, {});
  return { rows, total, more, cut, old: answered !== key, error, again, question };
}

/** The calls of the last hour by minute, by function; drawn anew now and then while somebody looks. */
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
        // The list itself says that the server is away; older charts are better than none.
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
