// The model of metrics in a time window. Knows no charts.

import type { NumbersFragment, Window } from "../../graphql/generated.ts";
import { duration } from "../../lib/time.ts";

export const WINDOWS: readonly { value: Window; label: string }[] = [
  { value: "FIVE_MINUTES", label: "5 min" },
  { value: "HOUR", label: "1 h" },
  { value: "DAY", label: "24 h" },
  { value: "WEEK", label: "7 d" },
];

/** The length of a window, in words. */
export const LENGTH: Record<Window, string> = {
  FIVE_MINUTES: "the last 5 minutes",
  HOUR: "the last hour",
  DAY: "the last 24 hours",
  WEEK: "the last 7 days",
};

/** The length of a point in a window, in words. */
export const BUCKET: Record<Window, string> = {
  FIVE_MINUTES: "5 seconds",
  HOUR: "minute",
  DAY: "half an hour",
  WEEK: "3 hours",
};

/** How often the metrics of a window are queried, in milliseconds. */
export const EVERY: Record<Window, number> = { FIVE_MINUTES: 5_000, HOUR: 10_000, DAY: 30_000, WEEK: 60_000 };

/** A number with its label. */
export interface Metric {
  name: string;
  value: string;
  unit?: string | undefined;
  /** The part of it that is bad. */
  more?: string | undefined;
}

type Totals = Pick<
  NumbersFragment,
  "invocations" | "errors" | "coldStarts" | "p50Ms" | "p95Ms" | "waiting" | "running"
> & {
  p99Ms?: number | null;
};

/** A fraction in percent: `0.4 %`, `12 %`; never rounded to zero. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return "–";
  const value = (100 * part) / whole;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  return `${value.toFixed(value < 10 && value !== 0 ? 1 : 0)} %`;
}

/** The summary numbers of a window. */
export function cards(of: Totals, instances?: number): Metric[] {
  const found: Metric[] = [
    { name: "Calls", value: of.invocations.toLocaleString("en") },
    {
      name: "Failed",
      value: of.errors.toLocaleString("en"),
      more: of.errors > 0 ? percent(of.errors, of.invocations) : undefined,
    },
    { name: "Half took at most (p50)", value: duration(of.p50Ms) },
    { name: "95 % took at most (p95)", value: duration(of.p95Ms) },
  ];
  if (of.p99Ms !== undefined) found.push({ name: "99 % took at most (p99)", value: duration(of.p99Ms) });
  found.push(
    {
      name: "Cold starts",
      value: of.coldStarts.toLocaleString("en"),
      unit: of.coldStarts > 0 ? `${percent(of.coldStarts, of.invocations)} of the calls` : undefined,
    },
    { name: "Waiting now", value: of.waiting.toLocaleString("en"), unit: of.waiting === 1 ? "call" : "calls" },
    { name: "Running now", value: of.running.toLocaleString("en"), unit: of.running === 1 ? "call" : "calls" },
  );
  if (instances !== undefined) found.push({ name: "Instances now", value: instances.toLocaleString("en") });
  return found;
}

/** A point of a chart: its time for display, and its values by name. */
export type Point = { at: string } & Record<string, number | string | null>;

/** When a point began, as short as its window allows. */
export function tick(at: string, window: Window, zone?: string): string {
  const time = new Date(at);
  const options: Intl.DateTimeFormatOptions =
    window === "FIVE_MINUTES"
      ? { hour: "2-digit", minute: "2-digit", second: "2-digit" }
      : window === "WEEK"
        ? { weekday: "short", hour: "2-digit", minute: "2-digit" }
        : { hour: "2-digit", minute: "2-digit" };
  return time.toLocaleString("en-GB", { ...options, ...(zone ? { timeZone: zone } : {}) });
}

/** The data of the charts. */
export function points(of: Pick<NumbersFragment, "points">, window: Window): Point[] {
  return of.points.map((point) => ({
    at: tick(point.at, window),
    succeeded: Math.max(point.invocations - point.errors, 0),
    failed: point.errors,
    p50: point.p50Ms,
    p95: point.p95Ms,
    p99: point.p99Ms,
    cold: point.coldStarts,
    waiting: point.waiting,
    running: point.running,
  }));
}

/** Whether there is anything to show. */
export function quiet(of: Pick<NumbersFragment, "invocations" | "waiting" | "running" | "points">): boolean {
  return (
    of.invocations === 0 &&
    of.waiting === 0 &&
    of.running === 0 &&
    of.points.every((point) => point.invocations === 0 && point.waiting === 0 && point.running === 0)
  );
}
