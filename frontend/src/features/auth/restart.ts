// Starting over with a new session: data loaded for one session is never shown in another.

import { createContext, useContext } from "react";

/** Clears everything loaded, registered by whoever holds it. */
export const Restart = createContext<() => void>(() => {});

/** Clears everything loaded, for a new session. */
export function useRestart(): () => void {
  return useContext(Restart);
}
