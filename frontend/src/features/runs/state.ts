// The states of a run.

import type { RunState } from "../../graphql/generated.ts";

const OPEN: ReadonlySet<RunState> = new Set(["QUEUED", "RUNNING", "RETRYING"]);

/** Whether a run is not over. */
export function goesOn(state: RunState): boolean {
  return OPEN.has(state);
}
