// A line-by-line diff of two texts, with unchanged lines folded.

/** A part of the diff: lines that are unchanged, added or removed. */
export interface Part {
  value: string;
  added?: boolean;
  removed?: boolean;
}

export type Row =
  | { kind: "same" | "added" | "removed"; text: string; before: number | null; after: number | null }
  | { kind: "folded"; count: number; before: number };

/** Number of unchanged lines shown around a change. */
const AROUND = 3;
/** Minimum number of lines worth folding. */
const WORTH = 4;

const linesOf = (value: string): string[] => {
  const lines = value.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
};

/** The rows of a diff. */
export function rows(parts: readonly Part[]): Row[] {
  const all: Row[] = [];
  let before = 1;
  let after = 1;
  parts.forEach((part, index) => {
    const lines = linesOf(part.value);
    if (part.added) {
      for (const text of lines) all.push({ kind: "added", text, before: null, after: after++ });
      return;
    }
    if (part.removed) {
      for (const text of lines) all.push({ kind: "removed", text, before: before++, after: null });
      return;
    }
    const head = index === 0 ? 0 : AROUND;
    const tail = index === parts.length - 1 ? 0 : AROUND;
    const hidden = lines.length - head - tail;
    lines.forEach((text, at) => {
      if (hidden >= WORTH && at >= head && at < lines.length - tail) {
        if (at === head) all.push({ kind: "folded", count: hidden, before });
      } else {
        all.push({ kind: "same", text, before, after });
      }
      before++;
      after++;
    });
  });
  return all;
}

/** The number of added and removed lines. */
export function counted(of: readonly Row[]): { added: number; removed: number } {
  return {
    added: of.filter(({ kind }) => kind === "added").length,
    removed: of.filter(({ kind }) => kind === "removed").length,
  };
}
