// Asking again and again, while somebody looks.

import { useEffect } from "react";

/** Calls `again` every so many milliseconds while the page is visible, and when it becomes so. */
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
