// Treats a double click as a single one.

import type { MouseEvent } from "react";

/**
 * For buttons that start something: the second click of a double click is left out. What it would hit may be another
 * thing than what was aimed at, since the first one has changed what the button does, or the page that it is on.
 */
export function once(act: () => unknown): (event: Pick<MouseEvent, "detail">) => void {
  return (event) => {
    if (event.detail < 2) void act();
  };
}
