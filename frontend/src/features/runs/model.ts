// From the records of a run's life to its timeline.

import type { RecordFragment, RunState } from "../../graphql/generated.ts";

/** A stretch of time in the life of a run. */
export interface Stretch {
  kind: "waiting" | "running" | "pausing";
  /** Which attempt; 0 while it waits for the first. */
  attempt: number;
  /** Milliseconds since the epoch. */
  from: number;
  to: number;
  /** How an attempt ended; undefined while it goes on. */
  outcome?: "succeeded" | "failed" | "cancelled" | "lost" | undefined;
  error?: string | undefined;
  version?: number | undefined;
  node?: string | undefined;
}

type Told = Pick<RecordFragment, "type" | "at" | "data">;

function member(data: unknown, ...path: string[]): unknown {
  let value: unknown = data;
  for (const name of path)
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return value;
}

function word(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return undefined;
  return JSON.stringify(value);
}

/** Why an attempt failed, wherever the record has it. */
export function reasonOf(data: unknown): string | undefined {
  return word(
    member(data, "error") ??
      member(data, "reason") ??
      member(data, "outcome", "error") ??
      member(data, "failure", "error") ??
      member(data, "failure"),
  );
}

const OVER: Record<string, Stretch["outcome"]> = {
  Succeeded: "succeeded",
  Failed: "failed",
  TimedOut: "failed",
  Cancelled: "cancelled",
  AttemptFailed: "failed",
  DeadLettered: "failed",
};

/** The stretches of a run's life, oldest first; the last one goes on until `now` when the run does. */
export function timeline(records: readonly Told[], now: number): Stretch[] {
  const stretches: Stretch[] = [];
  let open: Stretch | undefined;
  let attempts = 0;
  const close = (to: number, outcome?: Stretch["outcome"], error?: string) => {
    if (!open) return;
    open.to = Math.max(open.from, to);
    open.outcome = outcome;
    open.error = error;
    open = undefined;
  };
  const begin = (stretch: Omit<Stretch, "to">) => {
    open = { ...stretch, to: now };
    stretches.push(open);
  };
  for (const { type, at, data } of records) {
    const time = new Date(at).getTime();
    if (type === "Requested") {
      begin({ kind: "waiting", attempt: 0, from: time });
    } else if (type === "Started") {
      // An attempt that begins while one runs takes over from a server that is gone.
      close(time, open?.kind === "running" ? "lost" : undefined);
      const told = member(data, "attempt");
      attempts = typeof told === "number" ? told : attempts + 1;
      begin({
        kind: "running",
        attempt: attempts,
        from: time,
        version: member(data, "version") as number | undefined,
        node: word(member(data, "node")),
      });
    } else if (type in OVER) {
      const before = open?.kind;
      close(time, before === "running" ? OVER[type] : undefined, before === "running" ? reasonOf(data) : undefined);
      if (type === "AttemptFailed") begin({ kind: "pausing", attempt: attempts, from: time });
    }
  }
  return stretches;
}

const OPEN: ReadonlySet<RunState> = new Set(["QUEUED", "RUNNING", "RETRYING"]);

/** Whether a run is not over. */
export function goesOn(state: RunState): boolean {
  return OPEN.has(state);
}

/** What a list of runs is narrowed by in time: a span that ends now, or from one time to another. */
export interface Span {
  since?: "minutes" | "hour" | "day" | "week" | undefined;
  from?: string | undefined;
  until?: string | undefined;
}

const MINUTE = 60_000;
const LENGTH = { minutes: 15, hour: 60, day: 1440, week: 10080 } as const;

/** A span as the API wants it. One that ends now begins at a whole minute, so that it does not change with every look. */
export function spanOf({ since, from, until }: Span, now: number): { since: string | null; until: string | null } {
  if (since) {
    const begin = Math.floor((now - LENGTH[since] * MINUTE) / MINUTE) * MINUTE;
    return { since: new Date(begin).toISOString(), until: null };
  }
  return { since: from ?? null, until: until ?? null };
}

/** A time as a `datetime-local` input has it: here, to the minute. */
export function toInput(time: string | undefined): string {
  if (!time) return "";
  const at = new Date(time);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** What somebody wrote into such an input; undefined while it is no time. */
export function fromInput(text: string): string | undefined {
  const at = new Date(text);
  return text === "" || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
