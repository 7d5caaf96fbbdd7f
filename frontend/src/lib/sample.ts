// Sample events that match a trigger.

/** A type that matches a pattern: `file.*` gives `file.something`. */
export function typeFor(pattern: string): string {
  return pattern
    .split(".")
    .map((segment) => (segment === "*" || segment === "**" ? "something" : segment))
    .join(".");
}

/** Data that matches a filter: `{"data.kind": "image"}` gives `{"kind": "image"}`. */
export function dataFor(filter: unknown): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  if (typeof filter !== "object" || filter === null) return data;
  for (const [path, value] of Object.entries(filter)) {
    const names = path.split(".");
    if (names.shift() !== "data" || names.length === 0) continue;
    let object = data;
    for (const name of names.slice(0, -1)) {
      const next = Object.hasOwn(object, name) ? object[name] : undefined;
      if (typeof next === "object" && next !== null) object = next as Record<string, unknown>;
      else {
        const made: Record<string, unknown> = {};
        define(object, name, made);
        object = made;
      }
    }
    define(object, names.at(-1) as string, value);
  }
  return data;
}

/** Sets a member whose name may be anything, such as `__proto__`. */
function define(object: Record<string, unknown>, name: string, value: unknown) {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
