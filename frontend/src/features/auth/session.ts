// Beginning and ending a session. The cookie is the server's matter; scripts never see it.

import { tellRefused } from "../../ui/notify.ts";

/** Signs in; the server's words when it refuses, else null. */
export async function signIn(username: string, password: string): Promise<string | null> {
  try {
    const response = await fetch("/auth/token?cookie=true", {
      method: "POST",
      credentials: "same-origin",
      headers: { "content-type": "application/json", "x-requested-with": "EventFlow" },
      body: JSON.stringify({ username, password }),
    });
    if (response.ok) return null;
    const answer = (await response.json().catch(() => null)) as { error?: { message?: string } } | null;
    return answer?.error?.message ?? `the server answered ${response.status}`;
  } catch {
    return "The server does not answer. Is it running?";
  }
}

/** Signs out; false, and says so, when the server could not be told. */
export async function signOut(): Promise<boolean> {
  try {
    const response = await fetch("/auth/logout", {
      method: "POST",
      credentials: "same-origin",
      headers: { "x-requested-with": "EventFlow" },
    });
    if (response.ok) return true;
    tellRefused("You are still signed in", `the server answered ${response.status}`);
  } catch {
    tellRefused("You are still signed in", "the server does not answer");
  }
  return false;
}
