// What a sparkline draws, and what it says to those who do not see it.

export interface Spark {
  calls: number;
  errors: number;
}

/** The least that a bar is high, of the whole height: one call beside a thousand is still there. */
const LEAST = 0.08;

export interface Bar {
  x: number;
  height: number;
  /** The height of the part that failed. */
  bad: number;
}

/** The bars of those points that have something, as parts of the height of the highest. */
export function bars(points: readonly Spark[]): Bar[] {
  const top = Math.max(...points.map(({ calls }) => calls), 1);
  return points.flatMap(({ calls, errors }, x) => {
    if (calls <= 0) return [];
    const height = Math.max(calls / top, LEAST);
    return [{ x, height, bad: errors <= 0 ? 0 : Math.max((height * Math.min(errors, calls)) / calls, LEAST) }];
  });
}

/** The same in words. */
export function inWords(points: readonly Spark[], what: string): string {
  const { calls, errors } = sum(points);
  if (calls === 0) return `No ${what}`;
  const top = Math.max(...points.map((point) => point.calls));
  const now = points.at(-1)?.calls ?? 0;
  return `${what}: ${now} now, ${top} at most; ${calls} in all, ${errors === 0 ? "none" : errors} of them failed`;
}

/** How high the highest bar is, for those who see it and no axis beside it. */
export function scale(points: readonly Spark[], bucket: string): string {
  const top = Math.max(...points.map(({ calls }) => calls), 0);
  if (top === 0) return "no calls";
  const failed = points.some(({ errors }) => errors > 0) ? "; red ones failed" : "";
  return `at most ${top.toLocaleString()} ${top === 1 ? "call" : "calls"} per ${bucket}${failed}`;
}

/** All points together. */
export function sum(points: readonly Spark[]): Spark {
  return points.reduce((all, { calls, errors }) => ({ calls: all.calls + calls, errors: all.errors + errors }), {
    calls: 0,
    errors: 0,
  });
}
