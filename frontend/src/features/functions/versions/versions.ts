// The model of differences between two versions.

/** A file as listed in a version. */
export interface Listed {
  path: string;
  size: number;
  sha256: string;
}

export interface Change {
  path: string;
  kind: "added" | "changed" | "removed";
  before: number | null;
  after: number | null;
}

/** The differing files, by path. */
export function changes(before: readonly Listed[], after: readonly Listed[]): Change[] {
  const old = new Map(before.map((file) => [file.path, file]));
  const found: Change[] = [];
  for (const file of after) {
    const was = old.get(file.path);
    old.delete(file.path);
    if (!was) found.push({ path: file.path, kind: "added", before: null, after: file.size });
    else if (was.sha256 !== file.sha256)
      found.push({ path: file.path, kind: "changed", before: was.size, after: file.size });
  }
  for (const file of old.values()) found.push({ path: file.path, kind: "removed", before: file.size, after: null });
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** How many of each kind, in words. */
export function summary(of: readonly Change[]): string {
  const count = (kind: Change["kind"]) => of.filter((change) => change.kind === kind).length;
  const parts = (["changed", "added", "removed"] as const).flatMap((kind) =>
    count(kind) > 0 ? [`${count(kind)} ${kind}`] : [],
  );
  return parts.length > 0
    ? `${of.length === 1 ? "1 file" : `${of.length} files`}: ${parts.join(", ")}`
    : "no file differs";
}

/** Versions of several pages as one list without duplicates, newest first; the first list takes precedence. */
export function joined<T extends { node: { number: number } }>(one: readonly T[], other: readonly T[]): T[] {
  const known = new Set(one.map(({ node }) => node.number));
  return [...one, ...other.filter(({ node }) => !known.has(node.number))].sort((a, b) => b.node.number - a.node.number);
}

/** JSON with sorted members, so that only real differences show. */
export function ordered(value: unknown): string {
  const sorted = (inner: unknown): unknown => {
    if (Array.isArray(inner)) return inner.map(sorted);
    if (typeof inner !== "object" || inner === null) return inner;
    return Object.fromEntries(
      Object.entries(inner)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, content]) => [name, sorted(content)]),
    );
  };
  return `${JSON.stringify(sorted(value), null, 2)}\n`;
}

/** The two versions to compare: those in the address, else the newest and the one before the current, if any. */
export function compared(
  numbers: readonly number[],
  current: number | undefined,
  from: number | undefined,
  to: number | undefined,
): { from: number; to: number } | null {
  const there = (number: number | undefined) => number !== undefined && numbers.includes(number);
  if (from === undefined && to === undefined) return null;
  const end = there(to) ? to : (current ?? numbers[0]);
  const start = there(from) ? from : numbers.find((number) => end !== undefined && number < end);
  return start === undefined || end === undefined ? null : { from: start, to: end };
}
