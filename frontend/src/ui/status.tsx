// A state as a colored word, which pulses while in progress.

import { Badge, type MantineColor } from "@mantine/core";
import "./status.css";

const COLOURS: Record<string, MantineColor> = {
  REGISTERED: "gray",
  BUILD_FAILED: "red",
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

/** The color for good news: the theme's green is too pale for text. */
export const GOOD = "light-dark(var(--mantine-color-teal-9), var(--mantine-color-teal-4))";

/** The color of a state as a CSS variable, for drawings. */
export function stateColour(state: string): string {
  const colour = COLOURS[state] ?? "gray";
  // In the dark scheme, the theme's grays for fills equal the background.
  return `var(--mantine-color-${colour === "gray" || colour === "dark" ? "gray-6" : `${colour}-filled`})`;
}

/** A state for display. */
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
      {broken ? "broken" : state.replaceAll("_", " ").toLowerCase()}
    </Badge>
  );
}
