// The error of a run in a few words, and the lines of its log that belong to it.

import { withoutMutation } from "../../lib/secret.ts";

/** An error in a line or two. For a process that exited: the last thing it wrote. */
export function headline(error: string): string {
  const [before, after] = withoutMutation(error).split("; its last lines:");
  const last = after?.trim().split("\n").at(-1)?.trim();
  return before !== undefined && last ? `${before}: ${last}` : withoutMutation(error);
}

/** The lines of an error: the last consecutive error lines. */
export function faultLines<T>(lines: readonly T[], level: (line: T) => string, most = 24): T[] {
  let end = lines.length;
  while (end > 0 && level(lines[end - 1] as T) !== "error") end--;
  let begin = end;
  while (begin > 0 && level(lines[begin - 1] as T) === "error") begin--;
  // The top of a stack trace says what it is; its depth adds little.
  return lines.slice(begin, Math.min(end, begin + most));
}
