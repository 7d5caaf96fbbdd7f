// One line of a log with its colors and highlighted matches.

import { type CSSProperties, memo } from "react";
import { marked, type Piece, pieces } from "../../lib/ansi.ts";
import type { Level } from "../../lib/level.ts";
import type { Line } from "../../lib/lines.ts";
import { clock, exact } from "../../lib/time.ts";

/** Maximum number of characters rendered of a line; the server allows 16 KiB. */
export const DRAWN = 4_000;

interface RowProps {
  line: Line;
  top: number;
  level: Level;
  search: RegExp | null;
  current: boolean;
  times: boolean;
  drawn: Map<Line, HTMLElement>;
  linkTo: ((run: string) => string) | undefined;
  onLink: ((run: string) => void) | undefined;
}

export const Row = memo(function Row({ line, top, level, search, current, times, drawn, linkTo, onLink }: RowProps) {
  const run = line.run;
  return (
    <div
      ref={(element) => {
        if (!element) return;
        drawn.set(line, element);
        return () => {
          drawn.delete(line);
        };
      }}
      className={`log-line log-${line.stream} log-is-${level}${current ? " log-current" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      {times &&
        (run && linkTo ? (
          <a
            className="log-at"
            href={linkTo(run)}
            title={`${exact(line.at)}: open the run`}
            onClick={(event) => {
              if (!onLink || event.metaKey || event.ctrlKey || event.shiftKey) return;
              event.preventDefault();
              onLink(run);
            }}
          >
            {clock(line.at)}
          </a>
        ) : (
          <span className="log-at" title={exact(line.at)}>
            {clock(line.at)}
          </span>
        ))}
      <Ansi text={line.text} search={search} />
    </div>
  );
});

const Ansi = memo(function Ansi({ text, search }: { text: string; search: RegExp | null }) {
  const cut = text.length > DRAWN ? `${text.slice(0, DRAWN)} …` : text;
  return (
    <span className="log-text">
      {marked(pieces(cut), search).map((piece, index) =>
        piece.mark ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line never changes
          <mark key={index}>{piece.text}</mark>
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line never changes
          <span key={index} {...styled(piece)}>
            {piece.text}
          </span>
        ),
      )}
    </span>
  );
});

function styled(piece: Piece): { className?: string; style?: CSSProperties } {
  const style: CSSProperties = {};
  if (piece.fg?.startsWith("rgb")) style.color = piece.fg;
  if (piece.bg?.startsWith("rgb")) style.background = piece.bg;
  if (piece.bold) style.fontWeight = 700;
  if (piece.dim) style.opacity = 0.65;
  if (piece.italic) style.fontStyle = "italic";
  if (piece.underline) style.textDecoration = "underline";
  return { ...(piece.fg?.startsWith("ansi") ? { className: piece.fg } : {}), style };
}
