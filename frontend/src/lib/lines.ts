// Lines of logs in memory: bounded, in order, each once; and those of them that are wanted.
//
// A log is watched while it grows: whatever is worked out of its lines is worked out once for each line, and not
// for all of them again with every one that comes.

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

/** Lines that are kept at least; older ones are dropped. */
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

/** Lines that came, in the order of their positions. */
export class Lines {
  #lines: Line[] = [];
  #dropped = 0;
  readonly #limit: number;

  constructor(limit = KEPT) {
    this.#limit = limit;
  }

  /** Adds newer lines; those that are known already (after a lost connection some come twice) are left out. */
  add(lines: readonly Line[]) {
    let last = this.last;
    for (const line of lines) {
      if (line.position <= last) continue;
      last = line.position;
      this.#lines.push(line);
    }
    // Dropping a tenth at once keeps the cost of it per line small.
    if (this.#lines.length > this.#limit * 1.1) {
      const over = this.#lines.length - this.#limit;
      this.#lines = this.#lines.slice(over);
      this.#dropped += over;
    }
  }

  /** Adds older lines before all others, as many as there is room for. */
  prepend(lines: readonly Line[]) {
    const first = this.first;
    const older = first === 0 ? lines : lines.slice(0, indexAt(lines, first));
    const room = Math.max(0, this.#limit - this.#lines.length);
    const kept = older.slice(Math.max(0, older.length - room));
    this.#lines = kept.concat(this.#lines);
    this.#dropped = 0;
  }

  /** Whether older lines would find room. */
  get full(): boolean {
    return this.#lines.length >= this.#limit;
  }

  /** The position of the oldest line; 0 when there is none. */
  get first(): number {
    return this.#lines[0]?.position ?? 0;
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
  stream: "all" | "out" | "err";
  least: Least;
  /** Only lines in which the search finds something. */
  only: boolean;
}

/** What finds a text in lines, as it is written; null when there is nothing to find. */
export function finder(search: string, cased: boolean): RegExp | null {
  const text = search.trim();
  return text === "" ? null : new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), cased ? "gu" : "giu");
}

/** The lines that are wanted of those that are kept, kept up with them. */
export class View {
  #shown: readonly Line[] = [];
  #own: Line[] = [];
  #found: number[] = [];
  #first = 0;
  #last = -1;
  #key = "";
  #levels = new WeakMap<Line, Level>();
  #stderr: Level;

  /** `stderr` is what a line on standard error is that does not say. */
  constructor(stderr: Level = "error") {
    this.#stderr = stderr;
  }

  /** Those that are shown, oldest first. */
  get shown(): readonly Line[] {
    return this.#shown;
  }

  /** The positions of those shown lines in which the search finds something, oldest first. */
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

  /** Takes in what became of the lines since the last time; looks at all of them only when something else is wanted. */
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
      // Not by spreading: a call takes only so many arguments.
      for (const line of shown) this.#own.push(line);
      for (const position of found) this.#found.push(position);
    }
  }
}

/** Lines as a text to keep: exact time, stream, what was written. */
export function asText(lines: readonly Line[]): string {
  return lines.map((line) => `${line.at} ${line.stream.padEnd(6)} ${plain(line.text)}\n`).join("");
}
