// The server's time, estimated from its answers. The clock of a browser may be wrong by minutes or hours, while every
// time on a page is the server's.

import { Store } from "./store.ts";

/** Answers contain whole seconds and take some time: smaller differences are ignored, in milliseconds. */
const EXACT = 3_000;

/** How far the server's clock is ahead of the local one, in milliseconds. */
export const ahead = new Store(0);

/** How far a server's clock is ahead of the local one, from the `Date` of an answer; null if there is none. */
export function aheadBy(date: string | null, now: number): number | null {
  const answered = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(answered)) return null;
  // Truncated to seconds, so on average half a second later.
  const by = answered + 500 - now;
  return Math.abs(by) < EXACT ? 0 : by;
}

/** Updates the estimate from an answer. */
export function learn(date: string | null) {
  const by = aheadBy(date, Date.now());
  // Adjusting by a second at each answer would only make times jitter.
  if (by !== null && (by === 0 || Math.abs(by - ahead.get()) >= EXACT)) ahead.set(by);
}

/** The current time by the server's clock. */
export function now(): number {
  return Date.now() + ahead.get();
}
