// The filters of a list of runs, as stored in the URL.

import type { RunState } from "../../../graphql/generated.ts";
import type { Span } from "../span.ts";

export interface Search {
  state?: RunState;
  since?: NonNullable<Span["since"]>;
  from?: string;
  until?: string;
  trigger?: string;
  version?: number;
  event?: string;
  after?: string;
}

/** States in the order of a run's life, with their labels in the totals. */
export const STATES = [
  { value: "QUEUED", label: "Queued" },
  { value: "RUNNING", label: "Running" },
  { value: "RETRYING", label: "Retrying" },
  { value: "SUCCEEDED", label: "Succeeded" },
  { value: "FAILED", label: "Failed" },
  { value: "TIMED_OUT", label: "Timed out" },
  { value: "CANCELLED", label: "Cancelled" },
  { value: "DEAD", label: "Dead" },
] as const;

export const NOTHING = {
  state: undefined,
  trigger: undefined,
  version: undefined,
  event: undefined,
  since: undefined,
  from: undefined,
  until: undefined,
  after: undefined,
};

export type Change = { [K in keyof Search]?: Search[K] | undefined };
