// How somebody likes to see logs, kept in the browser.

import { useState } from "react";

/** Where the browser keeps it. */
const KEY = "eventflow:log";

export interface LogPreferences {
  wrap: boolean;
  times: boolean;
}

function stored(): LogPreferences {
  try {
    const parsed = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<LogPreferences>;
    return { wrap: parsed.wrap === true, times: parsed.times !== false };
  } catch {
    return { wrap: false, times: true };
  }
}

/** How somebody likes to see logs, and changing that. */
export function useLogPreferences(): [LogPreferences, (change: Partial<LogPreferences>) => void] {
  const [preferences, setPreferences] = useState(stored);
  const prefer = (change: Partial<LogPreferences>) => {
    const next = { ...preferences, ...change };
    setPreferences(next);
    try {
      localStorage.setItem(KEY, JSON.stringify(next));
    } catch {
      // A browser that keeps nothing asks again the next time.
    }
  };
  return [preferences, prefer];
}
