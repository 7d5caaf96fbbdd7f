// The filter of a log.

import type { Least } from "../../lib/level.ts";
import type { Wanted } from "../../lib/lines.ts";

export interface LogFilter {
  q: string;
  stream: Wanted["stream"];
  least: Least;
  /** Only lines that match the search. */
  only: boolean;
  /** Case-sensitive. */
  cased: boolean;
}

export const NO_FILTER: LogFilter = { q: "", stream: "all", least: "all", only: false, cased: false };
