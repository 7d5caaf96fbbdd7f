// Search in the command palette. Knows words, not screens.

/** An entry of the palette: a page to open or an action. */
export interface Entry {
  id: string;
  group: "Pages" | "Functions" | "Runs" | "Actions";
  label: string;
  /** Shown beside the name. */
  note?: string | undefined;
  /** Other search terms. */
  also?: string;
  /** Offered only while something is typed, because there would be too many otherwise. */
  quiet?: boolean;
}

/** How well a word matches a text: 3 for a whole word, 2 for a prefix, 1 anywhere, 0 not at all. */
function closeness(text: string, word: string): number {
  const at = text.indexOf(word);
  if (at < 0) return 0;
  const words = text.split(/[\s/]+/);
  if (words.includes(word)) return 3;
  return words.some((one) => one.startsWith(word)) ? 2 : 1;
}

/**
 * The entries that have all words that were typed, those first that fit best; among equals the order is kept. So
 * `hello` finds the function before what can be done with it, and `stop hello` finds that.
 */
export function found<T extends Entry>(entries: readonly T[], typed: string, limit = 12): T[] {
  const words = typed.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return entries.filter((one) => !one.quiet).slice(0, limit);
  const rated = entries.flatMap((one) => {
    const label = one.label.toLowerCase();
    const also = `${one.also ?? ""} ${one.note ?? ""}`.toLowerCase();
    let points = 0;
    for (const word of words) {
      const here = 2 * closeness(label, word) || closeness(also, word);
      if (here === 0) return [];
      points += here;
    }
    // Of two equal matches, the shorter text ranks higher.
    if (label === words.join(" ")) points += 4;
    return [{ one, points: points - (one.quiet ? 1 : 0) }];
  });
  rated.sort((a, b) => b.points - a.points);
  return rated.slice(0, limit).map(({ one }) => one);
}

/** Groups entries by name; groups are in order of their first entry. */
export function grouped<T extends Entry>(entries: readonly T[]): [Entry["group"], T[]][] {
  const groups = new Map<Entry["group"], T[]>();
  for (const one of entries) {
    const group = groups.get(one.group);
    if (group) group.push(one);
    else groups.set(one.group, [one]);
  }
  return [...groups];
}

/** The beginning of an id, if one was typed: at least four hexadecimal digits, at least one of them a decimal digit. */
export function idTyped(typed: string): string | null {
  const text = typed.trim().toLowerCase();
  if (!/^[0-9a-f][0-9a-f-]{3,35}$/.test(text) || !/\d/.test(text)) return null;
  // Hyphens must be where an id has them.
  const fits = [...text].every((letter, at) => (letter === "-") === [8, 13, 18, 23].includes(at));
  return fits ? text : null;
}
