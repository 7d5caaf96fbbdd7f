// What the lines of a log are narrowed by.

import type { Least } from "../../lib/level.ts";
import type { Wanted } from "../../lib/lines.ts";

export interface LogFilter {
  q: string;
  stream: Wanted["stream"];
  least: Least;
  /** Only lines that have what is searched for. */
  only: boolean;
  /** Capital letters matter. */
  cased: boolean;
}

export const NO_FILTER: LogFilter = { q: "", stream: "all", least: "all", only: false, cased: false };
