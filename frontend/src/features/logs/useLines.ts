// Live lines of a log, rendered at most once per animation frame.
//
// A function's log begins with its latest lines and continues from there; older ones are loaded on demand. The log of a
// run or a build is followed from its first line. After a lost connection, both continue from the last known position.

import { useCallback, useEffect, useRef, useState } from "react";
import { ask } from "../../graphql/client.ts";
import { BuildLinesDocument, FunctionLinesDocument, LinesDocument } from "../../graphql/generated.ts";
import { useReopened } from "../../graphql/live.ts";
import { followDocument } from "../../graphql/socket.ts";
import { type Line, Lines } from "../../lib/lines.ts";
import type { Older } from "../../ui/log/foot.tsx";
import { errorText } from "../../ui/states.tsx";

/** Whose lines. */
export type LinesOf = { function: string } | { run: string } | { build: string };

export interface FollowedLines {
  lines: readonly Line[];
  /** Changes with the lines. */
  version: number;
  dropped: number;
  /** Why there are no more lines. */
  error: string | null;
  /** There will be no more lines. */
  over: boolean;
  /** Whether the first result is still loading. */
  waiting: boolean;
  older: Older;
  /** Loads older lines. */
  load: () => void;
  again: () => void;
}

/** The number of lines in a result if there are more before them. */
const PAGE = 500;
/** Maximum number of lines waiting for a frame. */
const HELD = 5_000;
/** How long to wait for the first lines before the log counts as empty, in milliseconds. */
const PATIENCE = 600;

/** The lines of a log, and new ones as they are written. */
export function useLines(of: LinesOf): FollowedLines {
  const collected = useRef(new Lines());
  const [version, setVersion] = useState(0);
  const [end, setEnd] = useState<{ error: string | null; over: boolean }>({ error: null, over: false });
  const [waiting, setWaiting] = useState(true);
  const [older, setOlder] = useState<Older>("none");
  const [tries, setTries] = useState(0);
  const alive = useRef<AbortController | null>(null);
  const busy = useRef(false);
  const key = JSON.stringify(of);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` is `of`; another try begins anew
  useEffect(() => {
    const lines = new Lines();
    collected.current = lines;
    busy.current = false;
    setVersion((number) => number + 1);
    setEnd({ error: null, over: false });
    setWaiting(true);
    setOlder("none");
    const stop = new AbortController();
    alive.current = stop;
    let arrived: Line[] = [];
    let frame = 0;
    const draw = () => {
      frame = 0;
      lines.add(arrived);
      arrived = [];
      setWaiting(false);
      setVersion((number) => number + 1);
    };
    const add = (line: Line) => {
      arrived.push(line);
      // A page in the background gets no frames, so a large backlog is processed immediately.
      if (arrived.length >= HELD) {
        lines.add(arrived);
        arrived = [];
      }
      frame ||= requestAnimationFrame(draw);
    };
    const close = {
      error: (reason: unknown) => {
        setWaiting(false);
        setEnd({
          error: Array.isArray(reason) ? String(reason[0]?.message) : "The log cannot be followed.",
          over: true,
        });
      },
      complete: () => {
        setWaiting(false);
        setEnd({ error: null, over: true });
      },
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    let unfollow = () => {};
    const follow = (after: number) => {
      unfollow =
        "build" in of
          ? followDocument(
              BuildLinesDocument,
              { build: of.build, after },
              { ...close, next: ({ data }) => data && add(data.buildLog) },
            )
          : followDocument(LinesDocument, { ...of, after }, { ...close, next: ({ data }) => data && add(data.logs) });
    };
    if ("function" in of) {
      ask(FunctionLinesDocument, { function: of.function, before: null }, stop.signal)
        .then(({ function: found }) => {
          const newest = found?.log ?? [];
          lines.add(newest);
          setWaiting(false);
          setOlder(newest.length < PAGE ? "none" : "there");
          setVersion((number) => number + 1);
          follow(lines.last);
        })
        .catch((error: Error) => {
          if (!stop.signal.aborted) close.error([{ message: errorText(error) }]);
        });
    } else {
      // Nothing reports that a log is empty, so it counts as empty after a while.
      timer = setTimeout(() => setWaiting(false), PATIENCE);
      follow(0);
    }
    return () => {
      stop.abort();
      clearTimeout(timer);
      unfollow();
      cancelAnimationFrame(frame);
    };
  }, [key, tries]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` is `of`
  const load = useCallback(() => {
    const stop = alive.current;
    const lines = collected.current;
    if (!("function" in of) || !stop || busy.current || lines.first === 0) return;
    if (lines.full) {
      setOlder("no room");
      return;
    }
    busy.current = true;
    setOlder("coming");
    ask(FunctionLinesDocument, { function: of.function, before: lines.first }, stop.signal)
      .then(({ function: found }) => {
        const before = found?.log ?? [];
        lines.prepend(before);
        setOlder(before.length < PAGE ? "none" : lines.full ? "no room" : "there");
        setVersion((number) => number + 1);
      })
      .catch(() => {
        if (!stop.signal.aborted) setOlder("failed");
      })
      .finally(() => {
        if (collected.current === lines) busy.current = false;
      });
  }, [key]);
  const again = useCallback(() => setTries((number) => number + 1), []);
  useReopened(end.error !== null, again);

  return {
    lines: collected.current.all,
    version,
    dropped: collected.current.dropped,
    ...end,
    waiting,
    older,
    load,
    again,
  };
}
