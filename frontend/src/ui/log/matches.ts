// Moves between the matches of a search in a log.

import { useEffect, useState } from "react";

export interface Matches {
  /** The position of the current match. */
  current: number | null;
  /** The number of the current match, from 1; 0 if there is none. */
  number: number;
  count: number;
  /** Goes to the next or previous match, from the current one or from the visible lines. */
  step: (by: 1 | -1) => void;
}

export function useMatches(
  found: readonly number[],
  search: RegExp | null,
  /** The visible line. */
  inSight: () => number,
  go: (position: number) => void,
): Matches {
  const [current, setCurrent] = useState<number | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another search begins anew
  useEffect(() => setCurrent(null), [search]);
  const step = (by: 1 | -1) => {
    if (found.length === 0) return;
    const here = current ?? inSight();
    let next = by > 0 ? found.findIndex((position) => position > here) : found.findLastIndex((one) => one < here);
    if (next < 0) next = by > 0 ? 0 : found.length - 1;
    const position = found[next] as number;
    setCurrent(position);
    go(position);
  };
  return { current, number: current === null ? 0 : found.indexOf(current) + 1, count: found.length, step };
}
