// The draft of a call that this tab keeps for when its page is opened again.

import { DRAFT } from "../../../lib/tabOwner.ts";
import { type Draft, restored } from "./invocation.ts";

/** The draft for a function that was sent last, else the first one. */
export function loadDraft(id: string): Draft {
  try {
    return restored(sessionStorage.getItem(DRAFT + id));
  } catch {
    return restored(null);
  }
}

export function saveDraft(id: string, draft: Draft) {
  try {
    sessionStorage.setItem(DRAFT + id, JSON.stringify(draft));
  } catch {
    // A browser that keeps nothing loses a convenience.
  }
}
