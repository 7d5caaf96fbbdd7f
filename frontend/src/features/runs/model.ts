// From the records of a run's life to its timeline.

import type { RecordFragment, RunState } from "../../graphql/generated.ts";
import { member } from "../../lib/json.ts";
import { withoutMutation } from "../../lib/secret.ts";

/** A stretch of time in the life of a run. */
export interface Stretch {
  /** `waiting`: for a worker; `pausing`: for the next attempt; `callback`: for its outcome to be delivered. */
  kind: "waiting" | "running" | "pausing" | "callback";
  /** Which attempt; 0 while it waits for the first. */
  attempt: number;
  /** Milliseconds since the epoch. */
  from: number;
  to: number;
  /** How an attempt ended; undefined while it goes on. */
  outcome?: "succeeded" | "failed" | "timed out" | "cancelled" | "lost" | undefined;
  error?: string | undefined;
  version?: number | undefined;
  node?: string | undefined;
  instance?: string | undefined;
  /** An instance was started for it. */
  cold?: boolean | undefined;
  /** It goes on. */
  open?: boolean | undefined;
}

type LogRecord = Pick<RecordFragment, "type" | "at" | "data">;

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
  TimedOut: "timed out",
  Cancelled: "cancelled",
  AttemptFailed: "failed",
  DeadLettered: "failed",
};

const ENDINGS: Record<string, Stretch["outcome"]> = {
  succeeded: "succeeded",
  failed: "failed",
  timed_out: "timed out",
  cancelled: "cancelled",
};

function timeOf(value: unknown): number | undefined {
  const time = typeof value === "string" ? new Date(value).getTime() : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** What an attempt left behind: which instance ran it, and whether that was started for it. */
function left(data: unknown): Pick<Stretch, "instance" | "cold"> {
  const outcome = member(data, "outcome") ?? member(data, "failure", "outcome");
  return { instance: word(member(outcome, "instance")), cold: member(outcome, "cold_start") === true };
}

/** A synchronous call is one record, written after its answer. */
function answered({ at, data }: LogRecord): Stretch[] {
  const end = timeOf(at) ?? 0;
  const asked = timeOf(member(data, "queued_at")) ?? end;
  const began = timeOf(member(data, "started_at"));
  const outcome = ENDINGS[String(member(data, "ending"))];
  const error = reasonOf(data);
  const waiting: Stretch = { kind: "waiting", attempt: 0, from: asked, to: began ?? end };
  if (began === undefined) return [{ ...waiting, outcome, error }];
  const version = member(data, "ran") as number | undefined;
  return [waiting, { kind: "running", attempt: 1, from: began, to: end, outcome, error, version, ...left(data) }];
}

/** The stretches of a run's life, oldest first; the last one goes on until `now` when the run does. */
export function timeline(records: readonly LogRecord[], now: number): Stretch[] {
  const stretches: Stretch[] = [];
  let open: Stretch | undefined;
  let attempts = 0;
  let hasCallback = false;
  const close = (to: number, more: Partial<Stretch> = {}) => {
    if (!open) return;
    Object.assign(open, { to: Math.max(open.from, to), open: false }, more);
    open = undefined;
  };
  const begin = (stretch: Omit<Stretch, "to">) => {
    open = { ...stretch, to: Math.max(now, stretch.from), open: true };
    stretches.push(open);
  };
  for (const record of records) {
    const { type, at, data } = record;
    const time = new Date(at).getTime();
    if (type === "Requested") {
      hasCallback = typeof member(data, "request", "callback") === "string";
      begin({ kind: "waiting", attempt: 0, from: time });
    } else if (type === "Answered") {
      stretches.push(...answered(record));
    } else if (type === "Started") {
      // An attempt that begins while one runs takes over from a server that is gone.
      close(time, open?.kind === "running" ? { outcome: "lost" } : {});
      const number = member(data, "attempt");
      attempts = typeof number === "number" ? number : attempts + 1;
      begin({
        kind: "running",
        attempt: attempts,
        from: time,
        version: member(data, "version") as number | undefined,
        node: word(member(data, "node")),
      });
    } else if (type in OVER) {
      const running = open?.kind === "running";
      const timedOut = member(data, "failure", "timed_out") === true;
      close(
        time,
        running ? { outcome: timedOut ? "timed out" : OVER[type], error: reasonOf(data), ...left(data) } : {},
      );
      if (type === "AttemptFailed") begin({ kind: "pausing", attempt: attempts, from: time });
      else if (hasCallback) begin({ kind: "callback", attempt: 1, from: time });
    } else if (type === "Deferred" && open?.kind === "running") {
      // The attempt is taken back: the function was not given the input.
      close(time, { outcome: "lost", error: reasonOf(data) });
      begin({ kind: "waiting", attempt: attempts, from: time });
    } else if (type === "CallbackDelivered") {
      close(time, { outcome: "succeeded" });
    } else if (type === "CallbackFailed") {
      close(time, { outcome: "failed", error: reasonOf(data) });
      const number = member(data, "attempt");
      const attempt = typeof number === "number" ? number + 1 : 2;
      if (member(data, "due") !== undefined) begin({ kind: "callback", attempt, from: time });
    }
  }
  return stretches;
}

/** An error in a line or two: of a process that ended, the last thing that it wrote instead of all of it. */
export function headline(error: string): string {
  const [before, after] = withoutMutation(error).split("; its last lines:");
  const last = after?.trim().split("\n").at(-1)?.trim();
  return before !== undefined && last ? `${before}: ${last}` : withoutMutation(error);
}

/** Lines that stand where something went wrong: the last ones that are errors, as far as they stand together. */
export function faultLines<T>(lines: readonly T[], level: (line: T) => string, most = 24): T[] {
  let end = lines.length;
  while (end > 0 && level(lines[end - 1] as T) !== "error") end--;
  let begin = end;
  while (begin > 0 && level(lines[begin - 1] as T) === "error") begin--;
  // The head of a stack says what it is; its depth says less.
  return lines.slice(begin, Math.min(end, begin + most));
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
