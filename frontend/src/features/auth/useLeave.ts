// Signing out, from anywhere in the UI.

import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { useRestart } from "./restart.ts";
import { signOut } from "./session.ts";

/** Signs out and clears everything loaded. */
export function useLeave(): () => Promise<void> {
  const navigate = useNavigate();
  const restart = useRestart();
  return useCallback(async () => {
    if (!(await signOut())) return;
    await navigate({ to: "/sign-in" });
    restart();
  }, [navigate, restart]);
}
