// Access to JSON of unknown shape.

/** The value at a path of members; undefined if there is none. */
export function member(data: unknown, ...path: string[]): unknown {
  let value: unknown = data;
  for (const name of path)
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return value;
}
