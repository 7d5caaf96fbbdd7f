// The model of a sparkline, and its text alternative.

export interface Spark {
  calls: number;
  errors: number;
}

/** The minimum height of a bar as a fraction: a single call beside a thousand must be visible. */
const LEAST = 0.08;

export interface Bar {
  x: number;
  height: number;
  /** The height of the failed part. */
  bad: number;
}

/** The bars of the points with values, as fractions of the highest. */
export function bars(points: readonly Spark[]): Bar[] {
  const top = Math.max(...points.map(({ calls }) => calls), 1);
  return points.flatMap(({ calls, errors }, x) => {
    if (calls <= 0) return [];
    const height = Math.max(calls / top, LEAST);
    return [{ x, height, bad: errors <= 0 ? 0 : Math.max((height * Math.min(errors, calls)) / calls, LEAST) }];
  });
}

/** The text alternative. */
export function inWords(points: readonly Spark[], what: string): string {
  const { calls, errors } = sum(points);
  if (calls === 0) return `No ${what}`;
  const top = Math.max(...points.map((point) => point.calls));
  const now = points.at(-1)?.calls ?? 0;
  return `${what}: ${now} now, ${top} at most; ${calls} in all, ${errors === 0 ? "none" : errors} of them failed`;
}

/** The value of the highest bar, since a sparkline has no axis. */
export function scale(points: readonly Spark[], bucket: string): string {
  const top = Math.max(...points.map(({ calls }) => calls), 0);
  if (top === 0) return "no calls";
  const failed = points.some(({ errors }) => errors > 0) ? "; red ones failed" : "";
  return `at most ${top.toLocaleString()} ${top === 1 ? "call" : "calls"} per ${bucket}${failed}`;
}

/** The sum of all points. */
export function sum(points: readonly Spark[]): Spark {
  return points.reduce((all, { calls, errors }) => ({ calls: all.calls + calls, errors: all.errors + errors }), {
    calls: 0,
    errors: 0,
  });
}
