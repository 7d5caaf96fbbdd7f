// Parses log lines into styled pieces of text. Lines are hostile input: they stay text, whatever they contain.

import anser from "anser";

/** A piece of a line. The color is one of the 16 names in `ui/log.css`, or `rgb(…)`. */
export interface Piece {
  text: string;
  fg?: string;
  bg?: string;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  /** Whether it matches the search. */
  mark?: boolean;
}

/** Control characters except tabs, and escape sequences other than colors (titles, links, cursors). */
const ESCAPES = /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b\[[0-9;?]*[A-LN-Za-ln-z]|\u001b[()][A-Z0-9]/g;
const CONTROLS = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const RGB = /^\d{1,3}, ?\d{1,3}, ?\d{1,3}$/;

/** A line without its colors, for searching and copying. */
export function plain(line: string): string {
  return line
    .replace(ESCAPES, "")
    .replace(/\u001b\[[0-9;]*m/g, "")
    .replace(CONTROLS, "")
    .replaceAll("\u001b", "");
}

/** Splits a line into pieces. */
export function pieces(line: string): Piece[] {
  const text = line.replace(ESCAPES, "").replace(CONTROLS, "");
  if (!text.includes("\u001b")) return [{ text }];
  return anser.ansiToJson(text, { json: true, use_classes: true, remove_empty: true }).map((entry) => {
    const has = (name: string) => entry.decorations.includes(name as never);
    const piece: Piece = { text: entry.content.replaceAll("\u001b", "") };
    const fg = colour(entry.fg, entry.fg_truecolor);
    const bg = colour(entry.bg, entry.bg_truecolor);
    if (fg) piece.fg = fg;
    if (bg) piece.bg = bg;
    if (has("bold")) piece.bold = true;
    if (has("dim")) piece.dim = true;
    if (has("italic")) piece.italic = true;
    if (has("underline")) piece.underline = true;
    return piece;
  });
}

/** Marks the matches of a search, which may begin in one piece and end in another. */
export function marked(all: readonly Piece[], search: RegExp | null): readonly Piece[] {
  if (!search) return all;
  const bounds: [number, number][] = [];
  search.lastIndex = 0;
  for (const match of all
    .map((piece) => piece.text)
    .join("")
    .matchAll(search))
    if (match[0] !== "") bounds.push([match.index, match.index + match[0].length]);
  if (bounds.length === 0) return all;
  const result: Piece[] = [];
  let begin = 0;
  for (const piece of all) {
    const end = begin + piece.text.length;
    let at = begin;
    for (const [from, to] of bounds) {
      if (to <= at || from >= end) continue;
      if (from > at) result.push({ ...piece, text: piece.text.slice(at - begin, from - begin) });
      const until = Math.min(to, end);
      result.push({ ...piece, text: piece.text.slice(Math.max(from, at) - begin, until - begin), mark: true });
      at = until;
    }
    if (at < end) result.push({ ...piece, text: piece.text.slice(at - begin) });
    begin = end;
  }
  return result;
}

function colour(name: string | null, rgb: string | null): string | undefined {
  if (name === "ansi-truecolor") return rgb && RGB.test(rgb) ? `rgb(${rgb})` : undefined;
  return name && /^ansi-(bright-)?[a-z]+$/.test(name) ? name : undefined;
}
