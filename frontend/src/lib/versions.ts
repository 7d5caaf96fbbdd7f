// The versions of a function, as numbers.

/** The numbers of all versions, the newest first: they are counted from 1, and none is left out. */
export function versionNumbers(newest: number | undefined): number[] {
  return Array.from({ length: newest ?? 0 }, (_, index) => (newest ?? 0) - index);
}
