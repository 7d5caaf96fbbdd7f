// Parses the search part of a URL, which anybody may have written.

type Raw = Record<string, unknown>;

/** A text; undefined if it is empty or not a text. */
export function text(raw: Raw, name: string): string | undefined {
  const value = raw[name];
  const found = typeof value === "number" ? String(value) : value;
  return typeof found === "string" && found !== "" ? found.slice(0, 200) : undefined;
}

/** One of several words, or undefined. */
export function oneOf<T extends string>(raw: Raw, name: string, words: readonly T[]): T | undefined {
  return words.find((word) => word === raw[name]);
}

/** A non-negative integer, or undefined. */
export function whole(raw: Raw, name: string): number | undefined {
  const value = Number(raw[name] ?? Number.NaN);
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** A time as `2026-03-01T12:00:00.000Z`, or undefined. */
export function moment(raw: Raw, name: string): string | undefined {
  const value = raw[name];
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return undefined;
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** The page to open after signing in: a path of this site and nothing else. */
export function localPath(value: unknown): string {
  // Browsers ignore tabs and line breaks in addresses: with one in between, two slashes would lead to another site.
  return typeof value === "string" && /^\/(?!\s*[/\\])/.test(value) ? value : "/functions";
}

/** Drops undefined values, so that they do not appear in the URL. */
export function compact<T extends Record<string, unknown>>(search: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as never;
}
