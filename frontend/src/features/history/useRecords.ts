// The records of one stream: the latest page, older pages as far as requested, and new ones live.

import { useCallback, useEffect, useRef, useState } from "react";
import { ask } from "../../graphql/client.ts";
import { HistoryDocument, HistoryGrewDocument, type RecordFragment } from "../../graphql/generated.ts";
import { useReopened } from "../../graphql/live.ts";
import { followDocument } from "../../graphql/socket.ts";
import { joined } from "./model.ts";

export interface Records {
  /** Oldest first. */
  records: readonly RecordFragment[];
  /** The total number. */
  total: number;
  /** Whether there are older ones. */
  more: boolean;
  loading: boolean;
  error: Error | null;
  /** Loads older ones. */
  load: () => void;
  again: () => void;
}

const NONE: readonly RecordFragment[] = [];

/** Follows a stream; loads this many pages of 100 records automatically. */
export function useRecords(stream: string, pages: number): Records {
  const [records, setRecords] = useState(NONE);
  const [total, setTotal] = useState(0);
  const [next, setNext] = useState<string | null>(null);
  const [loading, setLoading] = useState(true);
  const [error, setError] = useState<Error | null>(null);
  const [tries, setTries] = useState(0);
  const alive = useRef(new AbortController());

  const load = useCallback(
    async (from: string | null, most: number, stop: AbortController) => {
      setLoading(true);
      setError(null);
      try {
        let after = from;
        for (let page = 0; page < most; page++) {
          const { history } = await ask(HistoryDocument, { stream, after }, stop.signal);
          setRecords((now) => joined(now, history.nodes));
          setTotal((now) => Math.max(now, history.totalCount));
          after = history.pageInfo.hasNextPage ? (history.pageInfo.endCursor ?? null) : null;
          setNext(after);
          if (page === 0 && from === null) return { after, newest: history.nodes[0]?.position ?? 0 };
          if (after === null) break;
        }
      } catch (fault) {
        if (!stop.signal.aborted) setError(fault as Error);
      } finally {
        if (!stop.signal.aborted) setLoading(false);
      }
      return undefined;
    },
    [stream],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: another try begins anew
  useEffect(() => {
    const stop = new AbortController();
    alive.current = stop;
    setRecords(NONE);
    setTotal(0);
    setNext(null);
    setError(null);
    let unfollow = () => {};
    void load(null, 1, stop).then((first) => {
      if (!first || stop.signal.aborted) return;
      // Newer records arrive by subscription, also after a lost connection.
      unfollow = followDocument(
        HistoryGrewDocument,
        { stream, after: first.newest },
        {
          next: ({ data }) => {
            if (!data) return;
            setRecords((now) => {
              const grown = joined(now, [data.history]);
              if (grown !== now) setTotal((number) => number + 1);
              return grown;
            });
          },
          error: () => {},
          complete: () => {},
        },
      );
      if (first.after !== null && pages > 1) void load(first.after, pages - 1, stop);
    });
    return () => {
      stop.abort();
      unfollow();
    };
  }, [stream, pages, load, tries]);

  const again = useCallback(() => setTries((number) => number + 1), []);
  useReopened(error !== null, again);

  return {
    records,
    total: Math.max(total, records.length),
    more: next !== null,
    loading,
    error,
    load: useCallback(() => {
      if (next !== null) void load(next, 1, alive.current);
    }, [load, next]),
    again,
  };
}
