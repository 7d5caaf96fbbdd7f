// Results of subscriptions, taken in once a frame: with many updates a second, each of them would draw the page.

/** A frame that does not come (the page is in the background) is not waited for longer, in milliseconds. */
const LATE = 200;

/** Names the thing that a result is about. Each result has the whole thing as it is now, so that the newest is enough. */
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

/** Results that wait for a frame, in the order in which their things first came. */
export class Waiting<R> {
  readonly #results = new Map<string, R>();
  #unnamed = 0;

  add(subject: string | undefined, result: R) {
    if (subject === undefined) this.#unnamed += 1;
    this.#results.set(subject ?? `#${this.#unnamed}`, result);
  }

  /** All of them; then none waits. */
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
  // React draws once for all that happens in one task.
  for (const one of all) one();
}

/** Calls it with the next frame, once however often that is asked for. */
export function withNextFrame(one: () => void) {
  due.add(one);
  if (timer !== undefined) return;
  frame = requestAnimationFrame(draw);
  timer = setTimeout(draw, LATE);
}

/** Forgets that it was to be called. */
export function forget(one: () => void) {
  due.delete(one);
}
