// Version numbers of a function.

/** All version numbers, newest first: they are counted from 1 without gaps. */
export function versionNumbers(newest: number | undefined): number[] {
  return Array.from({ length: newest ?? 0 }, (_, index) => (newest ?? 0) - index);
}
