// Polling while the page is visible.

import { useEffect } from "react";

/** Calls `again` at an interval in milliseconds while the page is visible, and when it becomes visible. */
export function useEvery(again: () => void, every: number) {
  useEffect(() => {
    const look = () => {
      if (!document.hidden) again();
    };
    const timer = setInterval(look, every);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [again, every]);
}
