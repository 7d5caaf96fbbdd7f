// Ending the session, from wherever that is asked for.

import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { useRestart } from "./restart.ts";
import { signOut } from "./session.ts";

/** Signs out and forgets what was loaded. */
export function useLeave(): () => Promise<void> {
  const navigate = useNavigate();
  const restart = useRestart();
  return useCallback(async () => {
    if (!(await signOut())) return;
    await navigate({ to: "/sign-in" });
    restart();
  }, [navigate, restart]);
}
