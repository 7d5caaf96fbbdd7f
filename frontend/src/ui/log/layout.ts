// The positions of a log's rows. The heights of wrapped rows are estimated, and measured after rendering.

import { type RefObject, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Heights } from "../../lib/heights.ts";
import type { Line } from "../../lib/lines.ts";
import { DRAWN } from "./row.tsx";

const LINE_HEIGHT = 18;

/** The size of the container, and the width of a character in it. */
export interface Box {
  width: number;
  height: number;
  letter: number;
}

export function useBox(container: RefObject<HTMLElement | null>): Box {
  const [box, setBox] = useState<Box>({ width: 0, height: 0, letter: 7.2 });
  useLayoutEffect(() => {
    const element = container.current;
    if (!element) return;
    const context = document.createElement("canvas").getContext("2d");
    let letter = 7.2;
    if (context) {
      context.font = getComputedStyle(element).font;
      letter = context.measureText("0".repeat(100)).width / 100 || letter;
    }
    const size = () => setBox({ width: element.clientWidth, height: element.clientHeight, letter });
    size();
    const watch = new ResizeObserver(size);
    watch.observe(element);
    return () => watch.disconnect();
  }, [container]);
  return box;
}

export interface RowLayout {
  /** The total height of all rows. */
  total: number;
  topOf: (index: number) => number;
  /** The row at an offset. */
  indexIn: (at: number) => number;
  /** Updates the measured heights of rendered rows; returns whether that moves others. */
  measure: (from: number, to: number, drawn: ReadonlyMap<Line, HTMLElement>) => boolean;
}

export function useRowLayout({
  shown,
  version,
  wrap,
  columns,
  filter,
}: {
  /** A different object whenever different lines are shown. */
  shown: { lines: readonly Line[] };
  /** Changes with the lines, which may be the same array. */
  version: number;
  wrap: boolean;
  /** Characters per line. */
  columns: number;
  /** The filter of the rows: if it changes, all rows are different. */
  filter: string;
}): RowLayout {
  const rows = shown.lines;
  const heights = useRef(new Heights());
  const measured = useRef(new WeakMap<Line, number>());
  const laidOut = useRef<{ first: Line | undefined; last: Line | undefined; shape: string }>({
    first: undefined,
    last: undefined,
    shape: "",
  });
  const guess = (line: Line | undefined) => {
    if (!line) return LINE_HEIGHT;
    const known = measured.current.get(line);
    if (known !== undefined) return known;
    return LINE_HEIGHT * Math.max(1, Math.ceil(Math.min(line.text.length, DRAWN) / columns));
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says that the array has changed inside
  useMemo(() => {
    if (!wrap) return;
    const shape = `${columns} ${filter}`;
    const before = laidOut.current;
    if (before.shape.split(" ")[0] !== String(columns)) measured.current = new WeakMap();
    const count = heights.current.count;
    const grew = before.shape === shape && rows[0] === before.first && count > 0 && rows[count - 1] === before.last;
    if (grew) heights.current.grow(rows.length, (index) => guess(rows[index]));
    else heights.current.reset(rows.length, (index) => guess(rows[index]));
    laidOut.current = { first: rows[0], last: rows.at(-1), shape };
  }, [wrap, columns, rows, version, shown]);
  if (!wrap) laidOut.current.shape = "";

  return {
    total: wrap ? heights.current.total : rows.length * LINE_HEIGHT,
    topOf: (index) => (wrap ? heights.current.top(index) : index * LINE_HEIGHT),
    indexIn: (at) =>
      wrap ? heights.current.at(at) : Math.max(0, Math.min(rows.length - 1, Math.floor(at / LINE_HEIGHT))),
    measure: (from, to, drawn) => {
      let moved = false;
      for (let index = from; index < to; index++) {
        const line = rows[index];
        const element = line && drawn.get(line);
        if (!line || !element || measured.current.has(line)) continue;
        const is = element.offsetHeight;
        if (is === 0) continue;
        measured.current.set(line, is);
        if (is !== heights.current.of(index)) {
          heights.current.set(index, is);
          moved = true;
        }
      }
      return moved;
    },
  };
}

/** Measures wrapped rows after rendering, and renders again if their heights differ from the estimates. */
export function useMeasured(
  layout: RowLayout,
  wrap: boolean,
  from: number,
  to: number,
  drawn: ReadonlyMap<Line, HTMLElement>,
) {
  const [, measuredAnew] = useState(0);
  useLayoutEffect(() => {
    if (wrap && layout.measure(from, to, drawn)) measuredAnew((number) => number + 1);
  });
}
