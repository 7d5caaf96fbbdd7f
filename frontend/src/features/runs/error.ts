// The error of a run in a few words, and the lines of its log that belong to it.

import { withoutMutation } from "../../lib/secret.ts";

/** An error in a line or two: of a process that ended, the last thing that it wrote instead of all of it. */
export function headline(error: string): string {
  const [before, after] = withoutMutation(error).split("; its last lines:");
  const last = after?.trim().split("\n").at(-1)?.trim();
  return before !== undefined && last ? `${before}: ${last}` : withoutMutation(error);
}

/** Lines that stand where something went wrong: the last ones that are errors, as far as they stand together. */
export function faultLines<T>(lines: readonly T[], level: (line: T) => string, most = 24): T[] {
  let end = lines.length;
  while (end > 0 && level(lines[end - 1] as T) !== "error") end--;
  let begin = end;
  while (begin > 0 && level(lines[begin - 1] as T) === "error") begin--;
  // The head of a stack says what it is; its depth says less.
  return lines.slice(begin, Math.min(end, begin + most));
}
