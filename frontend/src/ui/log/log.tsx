// A virtualized list of log lines: only those in view are rendered. Follows the newest line as long as the end is in
// view; after scrolling up or pausing, the position stays fixed, whatever lines are added or removed.

import { Button, Text } from "@mantine/core";
import { type CSSProperties, type ReactNode, useDeferredValue, useMemo, useRef, useState } from "react";
import type { Level } from "../../lib/level.ts";
import { finder, type Line, View } from "../../lib/lines.ts";
import { Icon } from "../icons.tsx";
import { type LogFilter, NO_FILTER } from "./filter.ts";
import { Foot, type Older } from "./foot.tsx";
import { useBox, useMeasured, useRowLayout } from "./layout.ts";
import { useMatches } from "./matches.ts";
import { useLogPreferences } from "./preferences.ts";
import { Row } from "./row.tsx";
import { useScroll } from "./scroll.ts";
import { Toolbar } from "./toolbar.tsx";
import "./log.css";

/** Rows rendered above and below the visible ones. */
const OVERSCAN = 20;

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
  /** The filter, if it is stored elsewhere, such as in the URL. */
  filter?: LogFilter;
  onFilter?: (filter: LogFilter) => void;
  /** The level of a line on standard error that does not state one: tools write their progress there. */
  stderr?: Level;
  /** The availability of older lines. */
  older?: Older;
  onOlder?: () => void;
  /** The name of a downloaded file. */
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
  filter: given,
  onFilter,
  stderr = "error",
  older = "none",
  onOlder,
  name = "log",
  label = "Log",
}: Props) {
  const [own, setOwn] = useState(NO_FILTER);
  const filter = given ?? own;
  const narrow = (change: Partial<LogFilter>) => (onFilter ?? setOwn)({ ...filter, ...change });
  const [preferences, prefer] = useLogPreferences();
  const { wrap, times } = preferences;

  const q = useDeferredValue(filter.q);
  const search = useMemo(() => finder(q, filter.cased), [q, filter.cased]);
  const view = useMemo(() => new View(stderr), [stderr]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says that the array has changed inside
  const shown = useMemo(() => {
    view.update(lines, { stream: filter.stream, least: filter.least, only: filter.only }, search);
    return { lines: view.shown, found: view.found };
  }, [view, lines, version, filter.stream, filter.least, filter.only, search]);
  const rows = shown.lines;

  const container = useRef<HTMLDivElement>(null);
  const box = useBox(container);
  const layout = useRowLayout({
    shown,
    version,
    wrap,
    columns: Math.max(20, Math.floor((box.width - 24 - (times ? 13 * box.letter + 10 : 0)) / box.letter)),
    filter: `${filter.stream} ${filter.least} ${filter.only} ${search ?? ""}`,
  });
  const { total, topOf, indexIn } = layout;
  const atBeginning = () => {
    if (older === "there") onOlder?.();
  };
  const scroll = useScroll({ container, rows, version, layout, box, wrap, atBeginning });
  const { top, following, came } = scroll;
  const from = Math.max(0, indexIn(top) - OVERSCAN);
  const to = Math.min(rows.length, indexIn(top + box.height) + OVERSCAN + 1);
  const drawn = useRef(new Map<Line, HTMLElement>());
  useMeasured(layout, wrap, from, to, drawn.current);
  const matches = useMatches(shown.found, search, () => rows[indexIn(top + box.height / 2)]?.position ?? 0, scroll.go);
  return (
    <div>
      <Toolbar
        filter={filter}
        narrow={narrow}
        matches={search === null ? null : matches}
        preferences={preferences}
        prefer={prefer}
        following={following}
        pause={scroll.pause}
        rows={rows}
        name={name}
      />
      <div className="log-frame">
        <div
          ref={container}
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
                  <Button size="compact-xs" variant="default" onClick={() => (onFilter ?? setOwn)(NO_FILTER)}>
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
                  current={line.position === matches.current}
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
