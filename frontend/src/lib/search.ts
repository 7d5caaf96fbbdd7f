// Reading what a URL says: anybody may have written it.

type Raw = Record<string, unknown>;

/** A text of a URL's search; undefined when it is empty or no text. */
export function text(raw: Raw, name: string): string | undefined {
  const value = raw[name];
  const found = typeof value === "number" ? String(value) : value;
  return typeof found === "string" && found !== "" ? found.slice(0, 200) : undefined;
}

/** One of some words, or undefined. */
export function oneOf<T extends string>(raw: Raw, name: string, words: readonly T[]): T | undefined {
  return words.find((word) => word === raw[name]);
}

/** A whole number that is not negative, or undefined. */
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

/** Where to go after signing in: a path of this site and nothing else. */
export function localPath(value: unknown): string {
  // A browser leaves tabs and line ends out of an address: with one in between, two slashes would lead elsewhere.
  return typeof value === "string" && /^\/(?!\s*[/\\])/.test(value) ? value : "/functions";
}

/** Leaves out what is undefined, so that it does not stand in the URL. */
export function compact<T extends Record<string, unknown>>(search: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as never;
}
