// The time for what grows while it goes on, such as a bar.

import { useEffect, useState } from "react";
import { now as clock } from "../lib/clock.ts";

/** How often it is drawn anew, in milliseconds. */
const EVERY = 500;

/** The time at the server, in milliseconds since the epoch; it stands still while nothing goes on. */
export function useNow(goesOn: boolean): number {
  const [now, setNow] = useState(clock());
  useEffect(() => {
    if (!goesOn) return;
    const timer = setInterval(() => setNow(clock()), EVERY);
    return () => clearInterval(timer);
  }, [goesOn]);
  return now;
}
