// The time of the server, as far as its answers show it. The clock of a browser may be wrong by minutes or hours, and
// every time that a page shows or asks for is the server's.

import { Store } from "./store.ts";

/** Answers tell whole seconds and were on their way for a while: what is less is no difference, in milliseconds. */
const EXACT = 3_000;

/** How far the server's clock is ahead of this one, in milliseconds. */
export const ahead = new Store(0);

/** How far a server's clock is ahead of one here, by the `Date` of an answer; null when that says nothing. */
export function aheadBy(date: string | null, now: number): number | null {
  const answered = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(answered)) return null;
  // Cut to the second, it was half a second later on average.
  const by = answered + 500 - now;
  return Math.abs(by) < EXACT ? 0 : by;
}

/** Learns from an answer of the server. */
export function learn(date: string | null) {
  const by = aheadBy(date, Date.now());
  // A second more or less at each answer would only make times tremble.
  if (by !== null && (by === 0 || Math.abs(by - ahead.get()) >= EXACT)) ahead.set(by);
}

/** What time it is, by the server's clock. */
export function now(): number {
  return Date.now() + ahead.get();
}
