// Converts the records of a run to its timeline.

import type { RecordFragment } from "../../../graphql/generated.ts";
import { member } from "../../../lib/json.ts";

/** A stretch of a run's timeline. */
export interface Stretch {
  /** `waiting`: for a worker; `pausing`: until the next attempt; `callback`: until the callback is notified. */
  kind: "waiting" | "running" | "pausing" | "callback";
  /** The number of the attempt; 0 before the first. */
  attempt: number;
  /** Milliseconds since the epoch. */
  from: number;
  to: number;
  /** How the attempt ended; undefined while it is running. */
  outcome?: "succeeded" | "failed" | "timed out" | "cancelled" | "lost" | undefined;
  error?: string | undefined;
  version?: number | undefined;
  node?: string | undefined;
  instance?: string | undefined;
  /** Whether an instance was started for it. */
  cold?: boolean | undefined;
  /** Whether it has not ended. */
  open?: boolean | undefined;
}

type LogRecord = Pick<RecordFragment, "type" | "at" | "data">;

function word(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return undefined;
  return JSON.stringify(value);
}

/** Why an attempt failed, wherever the record contains it. */
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

/** The instance that ran an attempt, and whether it was started for it. */
function left(data: unknown): Pick<Stretch, "instance" | "cold"> {
  const outcome = member(data, "outcome") ?? member(data, "failure", "outcome");
  return { instance: word(member(outcome, "instance")), cold: member(outcome, "cold_start") === true };
}

/** A synchronous call is a single record, appended after its answer. */
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

/** The stretches of a run's life, oldest first; the last one continues until `now` if the run is not over. */
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
      // An attempt that begins while another is running takes over from a server that is gone.
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
      // The attempt is withdrawn: the function was not given the input.
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
