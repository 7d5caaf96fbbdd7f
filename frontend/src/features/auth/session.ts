// Beginning and ending a session. The cookie is the server's matter; scripts never see it.

import { notifyRefused } from "../../ui/notify.ts";
import { type Refusal, refused } from "./methods.ts";

/** Signs in; why not when the server refuses, else null. */
export async function signIn(username: string, password: string): Promise<Refusal | null> {
  try {
    const response = await fetch("/auth/token?cookie=true", {
      method: "POST",
      credentials: "same-origin",
      headers: { "content-type": "application/json", "x-requested-with": "EventFlow" },
      body: JSON.stringify({ username, password }),
    });
    if (response.ok) return null;
    const answer = (await response.json().catch(() => null)) as { error?: { message?: string } } | null;
    return refused(response.status, answer?.error?.message, response.headers.get("retry-after"));
  } catch {
    return { message: "The server does not answer. Is it running?", wait: 0 };
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
    notifyRefused("You are still signed in", `the server answered ${response.status}`);
  } catch {
    notifyRefused("You are still signed in", "the server does not answer");
  }
  return false;
}
