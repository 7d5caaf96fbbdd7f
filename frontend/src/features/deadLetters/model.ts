// The model of selecting dead letters and of the decisions about them.

import { shownName } from "../../lib/namespace.ts";

/** A decision about dead letters. */
export type Decision = "redrive" | "purge";

/** Maximum number of letters in one decision. */
export const AT_ONCE = 1000;

/** The result for one letter. */
export interface Fate {
  id: string;
  name: string;
  /** Why the decision was not executed; null if it was. */
  refused: string | null;
}

/** The results of a decision. */
export interface Outcome {
  decision: Decision;
  fates: readonly Fate[];
  /** Set if the decision was about all matches: how many were processed, and how many remain. */
  done?: number | undefined;
  remaining?: number | undefined;
}

interface Letter {
  id: string;
  error: string | null;
  function: { id: string; name: string; namespace: string };
}

/** The selected letters that still exist, in order. */
export function stillThere<T extends Letter>(letters: readonly T[], chosen: ReadonlySet<string>): T[] {
  return letters.filter((letter) => chosen.has(letter.id));
}

/** Letters grouped by function: `thumbs (3), mailer (1)`, most first. */
export function byFunction(letters: readonly Letter[]): string {
  const counts = new Map<string, { name: string; count: number }>();
  for (const { function: of } of letters) {
    const now = counts.get(of.id) ?? { name: shownName(of), count: 0 };
    now.count += 1;
    counts.set(of.id, now);
  }
  return [...counts.values()]
    .sort((a, b) => b.count - a.count || a.name.localeCompare(b.name))
    .map(({ name, count }) => `${name} (${count})`)
    .join(", ");
}

/** What the decision will do, as sentences. */
export function consequence(decision: Decision, count: number): string[] {
  const many = count > AT_ONCE ? [`At most ${AT_ONCE.toLocaleString("en")} are taken at once, the newest first.`] : [];
  return decision === "redrive"
    ? [
        "Each is tried again as a new run with the input of then, on the version that answers now, with all its attempts.",
        "A run that fails again comes back here as a new dead letter.",
        ...many,
      ]
    : [
        "None of them is tried again, and they disappear from this list.",
        "The runs and their histories stay to be looked at until their time is up.",
        ...many,
      ];
}

/** `1 dead letter`, `2 dead letters`. */
export function counted(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "dead letter" : "dead letters"}`;
}

/** Maximum number of concurrent requests. */
const SIDE_BY_SIDE = 4;

/** Processes all items, a few at a time; `progress` gets the number done. Results are in the order of `all`. */
export async function each<T, R>(
  all: readonly T[],
  act: (one: T) => Promise<R>,
  progress: (done: number) => void = () => {},
): Promise<R[]> {
  const results = new Array<R>(all.length);
  let next = 0;
  let done = 0;
  const worker = async () => {
    while (next < all.length) {
      const index = next++;
      results[index] = await act(all[index] as T);
      progress(++done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, all.length) }, worker));
  return results;
}
