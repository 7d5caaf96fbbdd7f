// Processes subscription results once per animation frame: with many updates a second, each would render the page.

/** The time limit for a frame, which does not come while the page is in the background, in milliseconds. */
const LATE = 200;

/**
 * The key of the object in a result. Each result contains the object's complete current state, so the latest one
 * suffices.
 */
export function subjectOf(data: unknown): string | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  for (const [field, change] of Object.entries(data)) {
    if (typeof change !== "object" || change === null) continue;
    for (const of of ["run", "build", "function"]) {
      const id = (change as Record<string, { id?: unknown } | undefined>)[of]?.id;
      if (typeof id === "string") return `${field} ${id}`;
    }
  }
  return undefined;
}

/** Results waiting for a frame, in the order in which their objects first appeared. */
export class Waiting<R> {
  readonly #results = new Map<string, R>();
  #unnamed = 0;

  add(subject: string | undefined, result: R) {
    if (subject === undefined) this.#unnamed += 1;
    this.#results.set(subject ?? `#${this.#unnamed}`, result);
  }

  /** Takes all waiting results. */
  take(): R[] {
    const all = [...this.#results.values()];
    this.#results.clear();
    return all;
  }
}

const due = new Set<() => void>();
let frame = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

function draw() {
  cancelAnimationFrame(frame);
  clearTimeout(timer);
  timer = undefined;
  const all = [...due];
  due.clear();
  // React renders once for everything in one task.
  for (const one of all) one();
}

/** Calls the function in the next frame, once, however often that is requested. */
export function withNextFrame(one: () => void) {
  due.add(one);
  if (timer !== undefined) return;
  frame = requestAnimationFrame(draw);
  timer = setTimeout(draw, LATE);
}

/** Cancels the request. */
export function forget(one: () => void) {
  due.delete(one);
}
