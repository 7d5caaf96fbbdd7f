// Lines of a log as they are written, drawn at most once a frame.

import { useEffect, useRef, useState } from "react";
import { BuildLinesDocument, LinesDocument } from "../../graphql/generated.ts";
import { followDocument } from "../../graphql/socket.ts";
import { type Line, Lines } from "../../lib/lines.ts";

/** Whose lines. */
export type Of = { function: string } | { run: string } | { build: string };

export interface Told {
  lines: readonly Line[];
  /** Changes with the lines. */
  version: number;
  dropped: number;
  /** Why there are no more. */
  error: string | null;
  /** No more will come. */
  over: boolean;
}

/** All lines that are kept, and those to come; after a lost connection it goes on where it was. */
export function useLines(of: Of): Told {
  const kept = useRef(new Lines());
  const [version, setVersion] = useState(0);
  const [end, setEnd] = useState<{ error: string | null; over: boolean }>({ error: null, over: false });
  const key = JSON.stringify(of);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` is `of`
  useEffect(() => {
    kept.current = new Lines();
    setVersion((number) => number + 1);
    setEnd({ error: null, over: false });
    let arrived: Line[] = [];
    let frame = 0;
    const draw = () => {
      frame = 0;
      kept.current.add(arrived);
      arrived = [];
      setVersion((number) => number + 1);
    };
    const add = (line: Line) => {
      arrived.push(line);
      // A page in the background gets no frames: its lines are taken in when it is looked at.
      frame ||= requestAnimationFrame(draw);
    };
    const close = {
      error: (reason: unknown) =>
        setEnd({
          error: Array.isArray(reason) ? String(reason[0]?.message) : "the log cannot be followed",
          over: true,
        }),
      complete: () => setEnd({ error: null, over: true }),
    };
    const stop =
      "build" in of
        ? followDocument(
            BuildLinesDocument,
            { build: of.build, after: 0 },
            { ...close, next: ({ data }) => data && add(data.buildLog) },
          )
        : followDocument(LinesDocument, { ...of, after: 0 }, { ...close, next: ({ data }) => data && add(data.logs) });
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [key]);
  return { lines: kept.current.all, version, dropped: kept.current.dropped, ...end };
}
