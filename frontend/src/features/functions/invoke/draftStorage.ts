// Stores the draft of a call in this tab, for when the page is opened again.

import { DRAFT } from "../../../lib/tabOwner.ts";
import { type Draft, restored } from "./invocation.ts";

/** The last draft sent to a function, or else an empty one. */
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
    // Without storage, only a convenience is lost.
  }
}
