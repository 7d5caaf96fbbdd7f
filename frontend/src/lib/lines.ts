// Lines of a log in memory: bounded, in order, each once.

import { plain } from "./ansi.ts";

/** A line as the server tells it. */
export interface Line {
  position: number;
  at: string;
  stream: "STDOUT" | "STDERR" | "SYSTEM";
  text: string;
  run: string | null;
  instance: string | null;
}

/** Lines that are kept; older ones are dropped. */
export const KEPT = 100_000;

/** Lines that came, in the order of their positions. */
export class Lines {
  #lines: Line[] = [];
  #dropped = 0;
  readonly #limit: number;

  constructor(limit = KEPT) {
    this.#limit = limit;
  }

  /** Adds lines; those that are known already (a connection that was lost tells some twice) are left out. */
  add(lines: readonly Line[]) {
    let last = this.last;
    for (const line of lines) {
      if (line.position <= last) continue;
      last = line.position;
      this.#lines.push(line);
    }
    // Dropping a tenth at once keeps the cost of it per line small.
    if (this.#lines.length > this.#limit) {
      const over = this.#lines.length - Math.floor(this.#limit * 0.9);
      this.#lines = this.#lines.slice(over);
      this.#dropped += over;
    }
  }

  /** The position of the newest line; 0 when there is none. */
  get last(): number {
    return this.#lines.at(-1)?.position ?? 0;
  }

  /** How many older lines were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  get all(): readonly Line[] {
    return this.#lines;
  }
}

/** Which lines to show. */
export interface Wanted {
  search: string;
  stream: "all" | "out" | "err";
}

/** The lines that are wanted. An empty search wants all. */
export function filtered(lines: readonly Line[], wanted: Wanted): readonly Line[] {
  const search = wanted.search.trim().toLowerCase();
  if (search === "" && wanted.stream === "all") return lines;
  return lines.filter(
    (line) =>
      (wanted.stream === "all" || (line.stream === "STDERR") === (wanted.stream === "err")) &&
      (search === "" || plain(line.text).toLowerCase().includes(search)),
  );
}
