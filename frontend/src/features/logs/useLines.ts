// Lines of a log as they are written, drawn at most once a frame.
//
// A function's log begins at its newest lines and goes on from there; older ones come when they are asked for. A run's
// and a build's are followed from their first line. Either goes on after the last position that it saw when the
// connection was away.

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
  /** Why there are no more. */
  error: string | null;
  /** No more will come. */
  over: boolean;
  /** Whether the first answer is still on its way. */
  waiting: boolean;
  older: Older;
  /** Asks for older lines. */
  load: () => void;
  again: () => void;
}

/** Lines that an answer has when there are more before them. */
const PAGE = 500;
/** Lines that wait for a frame at most. */
const HELD = 5_000;
/** An answer that is empty need not be waited for longer, in milliseconds. */
const PATIENCE = 600;

/** Lines, and those to come. */
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
      // A page in the background gets no frames: what is too much for one is taken in at once.
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
      // Nothing says that there is no line yet; after a while there is none.
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
