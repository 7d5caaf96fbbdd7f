// What of a log is looked at.

import type { Least } from "../../lib/level.ts";
import type { Wanted } from "../../lib/lines.ts";

/** What of a log is looked at. */
export interface Looked {
  q: string;
  stream: Wanted["stream"];
  least: Least;
  /** Only lines that have what is searched for. */
  only: boolean;
  /** Capital letters matter. */
  cased: boolean;
}

export const ALL_OF_IT: Looked = { q: "", stream: "all", least: "all", only: false, cased: false };
