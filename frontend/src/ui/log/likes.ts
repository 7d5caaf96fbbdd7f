// How somebody likes to see logs, kept in the browser.

import { useState } from "react";

/** Where it is kept in the browser how somebody likes to see logs. */
const LIKES = "eventflow:log";

export interface Likes {
  wrap: boolean;
  times: boolean;
}

function liked(): Likes {
  try {
    const kept = JSON.parse(localStorage.getItem(LIKES) ?? "{}") as Partial<Likes>;
    return { wrap: kept.wrap === true, times: kept.times !== false };
  } catch {
    return { wrap: false, times: true };
  }
}

/** How somebody likes to see logs, and changing that. */
export function useLikes(): [Likes, (change: Partial<Likes>) => void] {
  const [likes, setLikes] = useState(liked);
  const like = (change: Partial<Likes>) => {
    const next = { ...likes, ...change };
    setLikes(next);
    try {
      localStorage.setItem(LIKES, JSON.stringify(next));
    } catch {
      // A browser that keeps nothing asks again the next time.
    }
  };
  return [likes, like];
}
