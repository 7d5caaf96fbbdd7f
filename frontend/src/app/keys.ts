// Global keyboard shortcuts. Knows keys, not screens.

export type Command =
  | "palette"
  | "help"
  | "search"
  | "theme"
  | "functions"
  | "runs"
  | "events"
  | "dead"
  | "system"
  | "register"
  | "publish";

/** Key sequences and their meanings. */
export const KEYS: readonly { keys: string; command: Command; says: string }[] = [
  { keys: "?", command: "help", says: "This help" },
  { keys: "/", command: "search", says: "Go to the search field of the page" },
  { keys: "g f", command: "functions", says: "Go to functions" },
  { keys: "g r", command: "runs", says: "Go to runs" },
  { keys: "g e", command: "events", says: "Go to events" },
  { keys: "g d", command: "dead", says: "Go to dead letters" },
  { keys: "g s", command: "system", says: "Go to system" },
  { keys: "c f", command: "register", says: "Register a function" },
  { keys: "c e", command: "publish", says: "Publish an event" },
  { keys: "t", command: "theme", says: "Dark or light colours" },
];

/** The time limit for the second key, in milliseconds. */
const WITHIN = 1_500;

/** Recognizes key sequences. */
export class Keys {
  #before = "";
  #at = 0;

  /** The meaning of a key after the previous ones; `more` if another key must follow. */
  press(key: string, now: number): Command | "more" | null {
    const before = now - this.#at <= WITHIN ? this.#before : "";
    this.#before = "";
    for (const typed of before ? [`${before} ${key}`, key] : [key]) {
      const whole = KEYS.find(({ keys }) => keys === typed);
      if (whole) return whole.command;
      if (KEYS.some(({ keys }) => keys.startsWith(`${typed} `))) {
        this.#before = typed;
        this.#at = now;
        return "more";
      }
    }
    return null;
  }
}

/** Whether keys sent to an element are text input. */
export function writes(element: { tagName: string; isContentEditable?: boolean; type?: string } | null): boolean {
  if (!element) return false;
  if (element.isContentEditable) return true;
  if (element.tagName === "INPUT") return !["checkbox", "radio", "button", "submit"].includes(element.type ?? "text");
  return element.tagName === "TEXTAREA" || element.tagName === "SELECT";
}
