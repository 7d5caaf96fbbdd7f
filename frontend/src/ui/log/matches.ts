// Going from one found line of a log to the next.

import { useEffect, useState } from "react";

export interface Matches {
  /** The position of the line that was gone to. */
  current: number | null;
  /** Which of those that were found that is, from 1; 0 while none was gone to. */
  number: number;
  count: number;
  /** To the next or the one before of what was found, seen from the current one or from what is in sight. */
  step: (by: 1 | -1) => void;
}

export function useMatches(
  found: readonly number[],
  search: RegExp | null,
  /** The line that is in sight. */
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
