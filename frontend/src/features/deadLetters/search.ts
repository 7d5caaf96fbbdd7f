// What the list of dead letters is narrowed by, as the URL has it.

import type { Span } from "../runs/span.ts";

export interface Search {
  function?: string;
  namespace?: string;
  since?: NonNullable<Span["since"]>;
  from?: string;
  until?: string;
  after?: string;
}

export type Change = { [K in keyof Search]?: Search[K] | undefined };

/** Nothing is left out. */
export const NOTHING: Change = {
  function: undefined,
  namespace: undefined,
  since: undefined,
  from: undefined,
  until: undefined,
  after: undefined,
};

/** What it is narrowed by, and how that is changed. */
export interface Narrowed {
  search: Search;
  set: (change: Change) => void;
}
