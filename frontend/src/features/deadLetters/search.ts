// The filters of the list of dead letters, as stored in the URL.

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

/** No filters. */
export const NOTHING: Change = {
  function: undefined,
  namespace: undefined,
  since: undefined,
  from: undefined,
  until: undefined,
  after: undefined,
};

/** The current filters, and how to change them. */
export interface Narrowed {
  search: Search;
  set: (change: Change) => void;
}
