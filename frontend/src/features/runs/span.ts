// The time span of a filter.

/** A time filter for a list of runs: a span that ends now, or from one time to another. */
export interface Span {
  since?: "minutes" | "hour" | "day" | "week" | undefined;
  from?: string | undefined;
  until?: string | undefined;
}

const MINUTE = 60_000;

const LENGTH = { minutes: 15, hour: 60, day: 1440, week: 10080 } as const;

/** A span for the API. One that ends now begins at a whole minute, so that it does not change with every query. */
export function spanOf({ since, from, until }: Span, now: number): { since: string | null; until: string | null } {
  if (since) {
    const begin = Math.floor((now - LENGTH[since] * MINUTE) / MINUTE) * MINUTE;
    return { since: new Date(begin).toISOString(), until: null };
  }
  return { since: from ?? null, until: until ?? null };
}

/** A time as the value of a `datetime-local` input: local, to the minute. */
export function toInput(time: string | undefined): string {
  if (!time) return "";
  const at = new Date(time);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The time typed into such an input; undefined while it is not valid. */
export function fromInput(text: string): string | undefined {
  const at = new Date(text);
  return text === "" || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
