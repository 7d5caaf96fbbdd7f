// Lines of a log: as many as there are, of which only those on the screen are drawn. Follows the newest one as long
// as the end is in sight; who scrolls up or pauses stays where they are, whatever comes, goes or turns out to be older.

import { Button, Text } from "@mantine/core";
import { type CSSProperties, type ReactNode, useDeferredValue, useMemo, useRef, useState } from "react";
import type { Level } from "../../lib/level.ts";
import { finder, type Line, View } from "../../lib/lines.ts";
import { Icon } from "../icons.tsx";
import { Foot, type Older } from "./foot.tsx";
import { useFound } from "./found.ts";
import { useLikes } from "./likes.ts";
import { ALL_OF_IT, type Looked } from "./looked.ts";
import { useBox, useMeasured, usePlaces } from "./places.ts";
import { Row } from "./row.tsx";
import { useScroll } from "./scroll.ts";
import { Tools } from "./tools.tsx";
import "./log.css";

/** Rows that are drawn above and below of what is in sight. */
const MORE = 20;

interface Props {
  lines: readonly Line[];
  /** Changes whenever `lines` does, which may be the same array. */
  version: number;
  dropped?: number;
  height?: string;
  /** Makes the time of a line a link to its run. */
  linkTo?: (run: string) => string;
  onLink?: (run: string) => void;
  empty: ReactNode;
  /** What is looked at, when it is kept elsewhere, such as in the URL. */
  looked?: Looked;
  onLooked?: (looked: Looked) => void;
  /** What a line on standard error is that does not say: tools write their progress there. */
  stderr?: Level;
  /** How it is with older lines. */
  older?: Older;
  onOlder?: () => void;
  /** What a file of it is called. */
  name?: string;
  label?: string;
}

export function Log({
  lines,
  version,
  dropped = 0,
  height = "60vh",
  linkTo,
  onLink,
  empty,
  looked: given,
  onLooked,
  stderr = "error",
  older = "none",
  onOlder,
  name = "log",
  label = "Log",
}: Props) {
  const [own, setOwn] = useState(ALL_OF_IT);
  const looked = given ?? own;
  const look = (change: Partial<Looked>) => (onLooked ?? setOwn)({ ...looked, ...change });
  const [likes, like] = useLikes();
  const { wrap, times } = likes;

  const q = useDeferredValue(looked.q);
  const search = useMemo(() => finder(q, looked.cased), [q, looked.cased]);
  const view = useMemo(() => new View(stderr), [stderr]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says that the array has changed inside
  const shown = useMemo(() => {
    view.update(lines, { stream: looked.stream, least: looked.least, only: looked.only }, search);
    return { lines: view.shown, found: view.found };
  }, [view, lines, version, looked.stream, looked.least, looked.only, search]);
  const rows = shown.lines;

  const place = useRef<HTMLDivElement>(null);
  const box = useBox(place);
  const places = usePlaces({
    shown,
    version,
    wrap,
    columns: Math.max(20, Math.floor((box.width - 24 - (times ? 13 * box.letter + 10 : 0)) / box.letter)),
    filter: `${looked.stream} ${looked.least} ${looked.only} ${search ?? ""}`,
  });
  const { total, topOf, indexIn } = places;
  const atBeginning = () => {
    if (older === "there") onOlder?.();
  };
  const scroll = useScroll({ place, rows, version, places, box, wrap, atBeginning });
  const { top, following, came } = scroll;
  const from = Math.max(0, indexIn(top) - MORE);
  const to = Math.min(rows.length, indexIn(top + box.height) + MORE + 1);
  const drawn = useRef(new Map<Line, HTMLElement>());
  useMeasured(places, wrap, from, to, drawn.current);
  const found = useFound(shown.found, search, () => rows[indexIn(top + box.height / 2)]?.position ?? 0, scroll.go);
  return (
    <div>
      <Tools
        looked={looked}
        look={look}
        found={search === null ? null : found}
        likes={likes}
        like={like}
        following={following}
        pause={scroll.pause}
        rows={rows}
        name={name}
      />
      <div className="log-frame">
        <div
          ref={place}
          className={wrap ? "log log-wrap" : "log"}
          style={{ "--log-height": height } as CSSProperties}
          onScroll={scroll.scrolled}
          role="log"
          aria-live="off"
          aria-label={label}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
          tabIndex={0}
        >
          {rows.length === 0 ? (
            <Text size="sm" c="dimmed" p="md" ff="text" component="div">
              {lines.length === 0 ? (
                empty
              ) : (
                <>
                  None of the {lines.length.toLocaleString()} lines here match.{" "}
                  <Button size="compact-xs" variant="default" onClick={() => (onLooked ?? setOwn)(ALL_OF_IT)}>
                    Show all
                  </Button>
                </>
              )}
            </Text>
          ) : (
            <div style={{ height: total, position: "relative" }}>
              {rows.slice(from, to).map((line, offset) => (
                <Row
                  key={line.position}
                  line={line}
                  top={topOf(from + offset)}
                  level={view.level(line)}
                  search={search}
                  current={line.position === found.current}
                  times={times}
                  drawn={drawn.current}
                  linkTo={linkTo}
                  onLink={onLink}
                />
              ))}
            </div>
          )}
        </div>
        {!following && (
          <Button
            className="log-newest"
            size="compact-sm"
            leftSection={<Icon name="down" size={13} />}
            onClick={() => scroll.follow(true)}
          >
            {came > 0 ? `${came.toLocaleString()} new ${came === 1 ? "line" : "lines"}` : "Newest"}
          </Button>
        )}
      </div>
      <Foot shown={rows.length} all={lines.length} dropped={dropped} older={older} onOlder={onOlder} />
    </div>
  );
}
