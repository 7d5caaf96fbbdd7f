// Beginning anew with a session of its own: nothing that was loaded for one is shown to another.

import { createContext, useContext } from "react";

/** How everything that was loaded is forgotten, from whoever keeps it. */
export const Restart = createContext<() => void>(() => {});

/** Forgets everything that was loaded, for a new session. */
export function useRestart(): () => void {
  return useContext(Restart);
}
