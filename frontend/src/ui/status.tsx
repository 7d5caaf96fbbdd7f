// A state as a coloured word; one that goes on pulses.

import { Badge, type MantineColor } from "@mantine/core";
import "./status.css";

const COLOURS: Record<string, MantineColor> = {
  REGISTERED: "gray",
  BUILT: "blue",
  RUNNING: "teal",
  STOPPED: "gray",
  DEREGISTERED: "dark",
  QUEUED: "gray",
  RETRYING: "orange",
  SUCCEEDED: "green",
  FAILED: "red",
  TIMED_OUT: "red",
  CANCELLED: "gray",
  DEAD: "red",
};

/** The colour of a state, as a variable of the theme, for drawings. */
export function stateColour(state: string): string {
  return `var(--mantine-color-${COLOURS[state] ?? "gray"}-filled)`;
}

/** A state as it is read. */
export function stateWord(state: string): string {
  return state.replaceAll("_", " ").toLowerCase();
}

export function Status({
  state,
  broken = false,
  size = "sm",
}: {
  state: string;
  broken?: boolean;
  size?: "xs" | "sm" | "md";
}) {
  const live = (state === "RUNNING" || state === "RETRYING") && !broken;
  return (
    <Badge
      className="status"
      size={size}
      variant="light"
      radius="sm"
      color={broken ? "red" : (COLOURS[state] ?? "gray")}
      leftSection={<span className={live ? "dot pulsing" : "dot"} />}
    >
      {stateWord(state)}
    </Badge>
  );
}
