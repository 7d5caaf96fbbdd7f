// What is typed into a field whose text is kept elsewhere, such as in the URL, which takes it over a little later. Were
// the field shown as the URL has it, what is typed in the middle would throw the caret to the end.

import { useEffect, useRef, useState } from "react";

/** Texts that were sent away and come back one after the other, or some of them not at all. */
export class Sent {
  #texts: string[] = [];

  send(text: string) {
    this.#texts.push(text);
  }

  /** Whether a text that comes in is one of those; what was sent before it does not come any more. */
  back(text: string): boolean {
    const at = this.#texts.lastIndexOf(text);
    this.#texts = at < 0 ? [] : this.#texts.slice(at + 1);
    return at >= 0;
  }
}

/** The text of a field, and what to do when something is typed into it; a text from elsewhere takes its place. */
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
