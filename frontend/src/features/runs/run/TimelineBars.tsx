// The timeline of a run as bars: waiting, running, pausing, calling back.

import { Text } from "@mantine/core";
import { Bars } from "../../../ui/bars.tsx";
import { GOOD, stateColour } from "../../../ui/status.tsx";
import { headline } from "../error.ts";
import type { Stretch } from "./stretches.ts";

const ENDS: Record<NonNullable<Stretch["outcome"]>, string> = {
  succeeded: "SUCCEEDED",
  failed: "FAILED",
  "timed out": "TIMED_OUT",
  cancelled: "CANCELLED",
  lost: "RETRYING",
};

function colour(stretch: Stretch): string {
  if (stretch.outcome) return stateColour(ENDS[stretch.outcome]);
  if (stretch.kind === "waiting") return "var(--mantine-color-gray-5)";
  if (stretch.kind === "pausing") return "var(--mantine-color-orange-4)";
  if (stretch.kind === "callback") return "var(--mantine-color-indigo-4)";
  return stateColour("RUNNING");
}

function name(stretch: Stretch): string {
  switch (stretch.kind) {
    case "waiting":
      return "Waits for a worker";
    case "pausing":
      return "Waits for the next attempt";
    case "callback":
      return stretch.attempt > 1 ? `Callback, attempt ${stretch.attempt}` : "Callback";
    default:
      return `Attempt ${stretch.attempt}${stretch.version === undefined ? "" : ` · v${stretch.version}`}`;
  }
}

export function TimelineBars({ stretches }: { stretches: readonly Stretch[] }) {
  return (
    <Bars
      label="Timeline"
      bars={stretches.map((stretch) => ({
        key: `${stretch.kind}-${stretch.attempt}-${stretch.from}`,
        name: (
          <>
            {name(stretch)}
            {stretch.cold && " · cold start"}
            {stretch.outcome && (
              <Text span inherit c={stretch.outcome === "succeeded" ? GOOD : "red"}>
                {" "}
                · {stretch.outcome === "lost" ? "its server was lost" : stretch.outcome}
              </Text>
            )}
          </>
        ),
        from: stretch.from,
        to: stretch.to,
        colour: colour(stretch),
        open: stretch.open,
        more:
          [stretch.node && `on ${stretch.node}`, stretch.instance && `by ${stretch.instance}`]
            .filter(Boolean)
            .join(", ") || undefined,
        error: stretch.error && headline(stretch.error),
      }))}
    />
  );
}
