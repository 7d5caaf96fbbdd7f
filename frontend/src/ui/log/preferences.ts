// Display preferences for logs, stored in the browser.

import { useState } from "react";

/** The storage key. */
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

/** The preferences, and how to change them. */
export function useLogPreferences(): [LogPreferences, (change: Partial<LogPreferences>) => void] {
  const [preferences, setPreferences] = useState(stored);
  const prefer = (change: Partial<LogPreferences>) => {
    const next = { ...preferences, ...change };
    setPreferences(next);
    try {
      localStorage.setItem(KEY, JSON.stringify(next));
    } catch {
      // Without storage, the defaults apply again the next time.
    }
  };
  return [preferences, prefer];
}
