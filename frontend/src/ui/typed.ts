// Text fields whose value is stored elsewhere, such as in the URL, which is updated a little later. Showing the stored
// value while typing would move the cursor to the end.

import { useEffect, useRef, useState } from "react";

/** Values that were sent and come back one after another, or not at all. */
export class Sent {
  #texts: string[] = [];

  send(text: string) {
    this.#texts.push(text);
  }

  /** Whether an incoming value is one of those; values sent before it will not come any more. */
  back(text: string): boolean {
    const at = this.#texts.lastIndexOf(text);
    this.#texts = at < 0 ? [] : this.#texts.slice(at + 1);
    return at >= 0;
  }
}

/** The text of a field and its change handler; a value from elsewhere replaces the text. */
export function useTyped(value: string, set: (text: string) => void): [string, (text: string) => void] {
  const [text, setText] = useState(value);
  const sent = useRef(new Sent());
  const before = useRef(value);
  useEffect(() => {
    if (before.current === value) return;
    before.current = value;
    if (!sent.current.back(value)) setText(value);
  }, [value]);
  const type = (next: string) => {
    setText(next);
    sent.current.send(next);
    set(next);
  };
  return [text, type];
}
