// Log lines in memory: a bounded, ordered list without duplicates, with filtering.
//
// A log is watched while it grows, so everything derived from its lines is computed once per line, not for all lines
// with every new one.

import { plain } from "./ansi.ts";
import { type Least, type Level, levelOf, reaches } from "./level.ts";

/** A line as the server sends it. */
export interface Line {
  position: number;
  at: string;
  stream: "STDOUT" | "STDERR" | "SYSTEM";
  text: string;
  run: string | null;
  instance: string | null;
}

/** Minimum number of lines kept; older ones are dropped. */
export const KEPT = 100_000;

/** The first index whose line is at or after a position. */
export function indexAt(lines: readonly Line[], position: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle] as Line).position < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Received lines, ordered by position. */
export class Lines {
  #lines: Line[] = [];
  #dropped = 0;
  readonly #limit: number;

  constructor(limit = KEPT) {
    this.#limit = limit;
  }

  /** Adds newer lines; known ones are ignored (after a lost connection some come twice). */
  add(lines: readonly Line[]) {
    let last = this.last;
    for (const line of lines) {
      if (line.position <= last) continue;
      last = line.position;
      this.#lines.push(line);
    }
    // Dropping a tenth at once keeps the cost per line low.
    if (this.#lines.length > this.#limit * 1.1) {
      const over = this.#lines.length - this.#limit;
      this.#lines = this.#lines.slice(over);
      this.#dropped += over;
    }
  }

  /** Adds older lines at the beginning, as many as there is room for. */
  prepend(lines: readonly Line[]) {
    const first = this.first;
    const older = first === 0 ? lines : lines.slice(0, indexAt(lines, first));
    const room = Math.max(0, this.#limit - this.#lines.length);
    const kept = older.slice(Math.max(0, older.length - room));
    this.#lines = kept.concat(this.#lines);
    this.#dropped = 0;
  }

  /** Whether there is room for older lines. */
  get full(): boolean {
    return this.#lines.length >= this.#limit;
  }

  /** The position of the oldest line; 0 if there are none. */
  get first(): number {
    return this.#lines[0]?.position ?? 0;
  }

  /** The position of the newest line; 0 if there are none. */
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

/** A filter for lines. */
export interface Wanted {
  stream: "all" | "out" | "err";
  least: Least;
  /** Only lines that match the search. */
  only: boolean;
}

/** A matcher for a literal text; null if it is empty. */
export function finder(search: string, cased: boolean): RegExp | null {
  const text = search.trim();
  return text === "" ? null : new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), cased ? "gu" : "giu");
}

/** The filtered lines, kept up to date. */
export class View {
  #shown: readonly Line[] = [];
  #own: Line[] = [];
  #found: number[] = [];
  #first = 0;
  #last = -1;
  #key = "";
  #levels = new WeakMap<Line, Level>();
  #stderr: Level;

  /** `stderr` is the level of a line on standard error that does not state one. */
  constructor(stderr: Level = "error") {
    this.#stderr = stderr;
  }

  /** The filtered lines, oldest first. */
  get shown(): readonly Line[] {
    return this.#shown;
  }

  /** The positions of the filtered lines that match the search, oldest first. */
  get found(): readonly number[] {
    return this.#found;
  }

  level(line: Line): Level {
    let level = this.#levels.get(line);
    if (level === undefined) {
      level = levelOf(line, this.#stderr);
      this.#levels.set(line, level);
    }
    return level;
  }

  /** Processes changes since the last time; examines all lines only if the filter has changed. */
  update(all: readonly Line[], wanted: Wanted, search: RegExp | null) {
    const key = `${wanted.stream} ${wanted.least} ${wanted.only} ${search ?? ""}`;
    const first = all[0]?.position ?? 0;
    const last = all.at(-1)?.position ?? -1;
    const anew = key !== this.#key || this.#last < first || last < this.#last;
    if (anew) {
      this.#key = key;
      this.#own = [];
      this.#found = [];
      this.#take(all, wanted, search, false);
    } else {
      if (first > this.#first) {
        const gone = indexAt(this.#own, first);
        if (gone > 0) this.#own.splice(0, gone);
        const kept = this.#found.findIndex((position) => position >= first);
        this.#found.splice(0, kept < 0 ? this.#found.length : kept);
      } else if (first < this.#first) {
        this.#take(all.slice(0, indexAt(all, this.#first)), wanted, search, true);
      }
      if (last > this.#last) this.#take(all.slice(indexAt(all, this.#last + 1)), wanted, search, false);
    }
    this.#first = first;
    this.#last = last;
    this.#shown = this.#plainly(wanted, search) ? all : this.#own;
  }

  #plainly(wanted: Wanted, search: RegExp | null): boolean {
    return wanted.stream === "all" && wanted.least === "all" && !(wanted.only && search);
  }

  #take(lines: readonly Line[], wanted: Wanted, search: RegExp | null, before: boolean) {
    const everything = this.#plainly(wanted, search);
    if (everything && !search) return;
    const shown: Line[] = [];
    const found: number[] = [];
    for (const line of lines) {
      if (wanted.stream !== "all" && (line.stream === "STDERR") !== (wanted.stream === "err")) continue;
      if (wanted.least !== "all" && !reaches(this.level(line), wanted.least)) continue;
      if (search) {
        search.lastIndex = 0;
        if (search.test(plain(line.text))) found.push(line.position);
        else if (wanted.only) continue;
      }
      if (!everything) shown.push(line);
    }
    if (before) {
      this.#own = shown.concat(this.#own);
      this.#found = found.concat(this.#found);
    } else {
      // Not by spreading, because the number of arguments of a call is limited.
      for (const line of shown) this.#own.push(line);
      for (const position of found) this.#found.push(position);
    }
  }
}

/** Lines as a text file: exact time, stream, text. */
export function asText(lines: readonly Line[]): string {
  return lines.map((line) => `${line.at} ${line.stream.padEnd(6)} ${plain(line.text)}\n`).join("");
}
