// The current time for things that grow, such as a bar.

import { useEffect, useState } from "react";
import { now as clock } from "../lib/clock.ts";

/** The update interval, in milliseconds. */
const EVERY = 500;

/** The server's time in milliseconds since the epoch; it stands still while nothing is running. */
export function useNow(goesOn: boolean): number {
  const [now, setNow] = useState(clock());
  useEffect(() => {
    if (!goesOn) return;
    const timer = setInterval(() => setNow(clock()), EVERY);
    return () => clearInterval(timer);
  }, [goesOn]);
  return now;
}
