// Signing in and out. The session cookie is invisible to scripts.

import { notifyRefused } from "../../ui/notify.ts";
import { type Refusal, refused } from "./methods.ts";

/** Signs in. Returns the refusal, or null on success. */
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

/** Signs out. Returns false, after showing a message, if the server could not be reached. */
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
