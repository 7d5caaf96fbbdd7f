// Lines of a log: as many as there are, of which only those on the screen are drawn. Follows the newest one as long
// as the end is in sight; who scrolls up or pauses stays where they are, whatever comes, goes or turns out to be older.

import { ActionIcon, Button, Group, Select, Text, TextInput, Tooltip } from "@mantine/core";
import {
  type CSSProperties,
  memo,
  type ReactNode,
  useCallback,
  useDeferredValue,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { marked, type Piece, pieces, plain } from "../lib/ansi.ts";
import { Heights } from "../lib/heights.ts";
import type { Least, Level } from "../lib/level.ts";
import { asText, finder, indexAt, type Line, View, type Wanted } from "../lib/lines.ts";
import { clock, exact } from "../lib/time.ts";
import { Icon, type IconName } from "./icons.tsx";
import { useTyped } from "./typed.ts";
import "./log.css";

const LINE_HEIGHT = 18;
/** Characters of a line that are drawn; the server allows 16 KiB. */
const DRAWN = 4_000;
/** How far from the end is still the end, in pixels. */
const NEAR = 24;
/** How far from the beginning older lines are asked for, in pixels. */
const EARLY = 300;
/** Rows that are drawn above and below of what is in sight. */
const MORE = 20;
/** Where it is kept in the browser how somebody likes to see logs. */
const LIKES = "eventflow:log";

/** What of a log is looked at. */
export interface Looked {
  q: string;
  stream: Wanted["stream"];
  least: Least;
  /** Only lines that have what is searched for. */
  only: boolean;
  /** Capital letters matter. */
  cased: boolean;
}

export const ALL_OF_IT: Looked = { q: "", stream: "all", least: "all", only: false, cased: false };

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
  older?: "there" | "coming" | "none" | "no room" | "failed";
  onOlder?: () => void;
  /** What a file of it is called. */
  name?: string;
  label?: string;
}

interface Likes {
  wrap: boolean;
  times: boolean;
}

function liked(): Likes {
  try {
    const kept = JSON.parse(localStorage.getItem(LIKES) ?? "{}") as Partial<Likes>;
    return { wrap: kept.wrap === true, times: kept.times !== false };
  } catch {
    return { wrap: false, times: true };
  }
}

const LEVELS = [
  { value: "all", label: "All levels" },
  { value: "info", label: "Info and worse" },
  { value: "warn", label: "Warnings, errors" },
  { value: "error", label: "Errors" },
  { value: "system", label: "EventFlow's own" },
];
const STREAMS = [
  { value: "all", label: "Both streams" },
  { value: "out", label: "stdout" },
  { value: "err", label: "stderr" },
];

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
  const [typed, type] = useTyped(looked.q, (q) => look({ q }));
  const [{ wrap, times }, setLikes] = useState(liked);
  const like = (change: Partial<Likes>) => {
    const likes = { wrap, times, ...change };
    setLikes(likes);
    try {
      localStorage.setItem(LIKES, JSON.stringify(likes));
    } catch {
      // A browser that keeps nothing asks again the next time.
    }
  };

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
  const [box, setBox] = useState({ width: 0, height: 0, letter: 7.2 });
  const [top, setTop] = useState(0);
  const [following, setFollowing] = useState(true);
  /** The newest line when following ended. */
  const [left, setLeft] = useState(0);
  const [current, setCurrent] = useState<number | null>(null);

  // Where the rows stand. Wrapped ones are guessed by their length, and measured once they were drawn.
  const columns = Math.max(20, Math.floor((box.width - 24 - (times ? 13 * box.letter + 10 : 0)) / box.letter));
  const heights = useRef(new Heights());
  const measured = useRef(new WeakMap<Line, number>());
  const laid = useRef<{ first: Line | undefined; last: Line | undefined; shape: string }>({
    first: undefined,
    last: undefined,
    shape: "",
  });
  const guess = (line: Line | undefined) => {
    if (!line) return LINE_HEIGHT;
    const known = measured.current.get(line);
    if (known !== undefined) return known;
    return LINE_HEIGHT * Math.max(1, Math.ceil(Math.min(line.text.length, DRAWN) / columns));
  };
  const [, measuredAnew] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says that the array has changed inside
  useMemo(() => {
    if (!wrap) return;
    const shape = `${columns} ${looked.stream} ${looked.least} ${looked.only} ${search ?? ""}`;
    const before = laid.current;
    if (before.shape.split(" ")[0] !== String(columns)) measured.current = new WeakMap();
    const count = heights.current.count;
    const grew = before.shape === shape && rows[0] === before.first && count > 0 && rows[count - 1] === before.last;
    if (grew) heights.current.grow(rows.length, (index) => guess(rows[index]));
    else heights.current.reset(rows.length, (index) => guess(rows[index]));
    laid.current = { first: rows[0], last: rows.at(-1), shape };
  }, [wrap, columns, rows, version, shown]);
  if (!wrap) laid.current.shape = "";

  const total = wrap ? heights.current.total : rows.length * LINE_HEIGHT;
  const topOf = (index: number) => (wrap ? heights.current.top(index) : index * LINE_HEIGHT);
  const indexIn = (at: number) =>
    wrap ? heights.current.at(at) : Math.max(0, Math.min(rows.length - 1, Math.floor(at / LINE_HEIGHT)));
  const from = Math.max(0, indexIn(top) - MORE);
  const to = Math.min(rows.length, indexIn(top + box.height) + MORE + 1);

  // The size of the box, and of a letter in it.
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    const context = document.createElement("canvas").getContext("2d");
    let letter = 7.2;
    if (context) {
      context.font = getComputedStyle(element).font;
      letter = context.measureText("0".repeat(100)).width / 100 || letter;
    }
    const size = () => setBox({ width: element.clientWidth, height: element.clientHeight, letter });
    size();
    const watch = new ResizeObserver(size);
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  // The line that stands at the upper edge stays there, unless the newest ones are followed.
  const anchor = useRef<{ position: number; offset: number } | null>(null);
  const scrollTop = useRef(0);
  const drop = useCallback(() => {
    const element = place.current;
    if (!element) return;
    element.scrollTop = element.scrollHeight;
    scrollTop.current = element.scrollTop;
    setTop(element.scrollTop);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever may have moved the lines
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    if (following) {
      drop();
      return;
    }
    const kept = anchor.current;
    if (!kept || rows.length === 0) return;
    const wanted = topOf(indexAt(rows, kept.position)) + kept.offset;
    if (Math.abs(wanted - element.scrollTop) < 1) return;
    element.scrollTop = wanted;
    scrollTop.current = element.scrollTop;
    setTop(element.scrollTop);
  }, [rows, version, total, following, box.height, wrap]);

  // Wrapped rows are as tall as they turn out to be.
  const drawn = useRef(new Map<Line, HTMLElement>());
  useLayoutEffect(() => {
    if (!wrap) return;
    let changed = false;
    for (let index = from; index < to; index++) {
      const line = rows[index];
      const element = line && drawn.current.get(line);
      if (!line || !element || measured.current.has(line)) continue;
      const is = element.offsetHeight;
      if (is === 0) continue;
      measured.current.set(line, is);
      if (is !== heights.current.of(index)) {
        heights.current.set(index, is);
        changed = true;
      }
    }
    if (changed) measuredAnew((number) => number + 1);
  });

  const follow = (on: boolean) => {
    setFollowing(on);
    if (!on) setLeft(rows.at(-1)?.position ?? 0);
    else anchor.current = null;
  };
  const remember = (at: number) => {
    const index = indexIn(at);
    const line = rows[index];
    anchor.current = line ? { position: line.position, offset: at - topOf(index) } : null;
  };
  const scrolled = () => {
    const element = place.current;
    if (!element) return;
    const at = element.scrollTop;
    const atEnd = element.scrollHeight - at - element.clientHeight < NEAR;
    // Lines that come while following push the end away: only who goes up themselves wants to stay.
    if (following && !atEnd && at < scrollTop.current - 1) follow(false);
    else if (!following && atEnd && at > scrollTop.current) follow(true);
    scrollTop.current = at;
    remember(at);
    setTop(at);
    if (at < EARLY && !atEnd && older === "there") onOlder?.();
  };

  const go = (position: number) => {
    const element = place.current;
    if (!element) return;
    setCurrent(position);
    if (following) follow(false);
    const at = Math.max(0, topOf(indexAt(rows, position)) - element.clientHeight / 2);
    element.scrollTop = at;
    scrollTop.current = element.scrollTop;
    remember(element.scrollTop);
    setTop(element.scrollTop);
  };
  /** To the next or the one before of what was found, seen from the current one or from what is in sight. */
  const step = (by: 1 | -1) => {
    const { found } = shown;
    if (found.length === 0) return;
    const here = current ?? rows[indexIn(top + box.height / 2)]?.position ?? 0;
    let next = by > 0 ? found.findIndex((position) => position > here) : found.findLastIndex((one) => one < here);
    if (next < 0) next = by > 0 ? 0 : found.length - 1;
    go(found[next] as number);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another search begins anew
  useEffect(() => setCurrent(null), [search]);

  const came = following ? 0 : rows.length - indexAt(rows, left + 1);
  const number = current === null ? 0 : shown.found.indexOf(current) + 1;
  const finding = search !== null;
  return (
    <div>
      <Group gap={6} mb={6}>
        <TextInput
          size="xs"
          placeholder="Search the lines"
          aria-label="Search the lines"
          leftSection={<Icon name="search" size={13} />}
          value={typed}
          onChange={(event) => type(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") {
              event.preventDefault();
              step(event.shiftKey ? -1 : 1);
            } else if (event.key === "Escape" && typed !== "") {
              event.stopPropagation();
              type("");
            }
          }}
          style={{ flex: "1 1 150px", maxWidth: 300 }}
        />
        {finding && (
          <Group gap={2} wrap="nowrap">
            <Text size="xs" c={shown.found.length === 0 ? "red" : "dimmed"} px={4} role="status">
              {number > 0 ? `${number.toLocaleString()} of ` : ""}
              {shown.found.length.toLocaleString()} {shown.found.length === 1 ? "line" : "lines"}
            </Text>
            <Tool icon="up" label="The one before (Shift Enter)" onClick={() => step(-1)} />
            <Tool icon="down" label="The next one (Enter)" onClick={() => step(1)} />
            <Tool icon="case" label="Match case" on={looked.cased} onClick={() => look({ cased: !looked.cased })} />
            <Tool
              icon="filter"
              label="Only lines that match"
              on={looked.only}
              onClick={() => look({ only: !looked.only })}
            />
          </Group>
        )}
        <Select
          size="xs"
          aria-label="Level"
          data={LEVELS}
          value={looked.least}
          onChange={(least) => look({ least: (least ?? "all") as Least })}
          allowDeselect={false}
          w={140}
        />
        <Select
          size="xs"
          aria-label="Stream"
          data={STREAMS}
          value={looked.stream}
          onChange={(stream) => look({ stream: (stream ?? "all") as Wanted["stream"] })}
          allowDeselect={false}
          w={128}
        />
        <Group gap={2} wrap="nowrap">
          <Tool
            icon={following ? "pause" : "run"}
            label={following ? "Pause: stay where I am" : "Go on: follow the newest line"}
            on={!following}
            onClick={() => {
              if (following) remember(scrollTop.current);
              follow(!following);
            }}
          />
          <Tool icon="wrap" label="Wrap long lines" on={wrap} onClick={() => like({ wrap: !wrap })} />
          <Tool icon="clock" label="Show times" on={times} onClick={() => like({ times: !times })} />
          <CopyLines lines={rows} />
          <Tool icon="save" label="Save as a file" onClick={() => save(rows, name)} />
        </Group>
      </Group>
      <div className="log-frame">
        <div
          ref={place}
          className={wrap ? "log log-wrap" : "log"}
          style={{ "--log-height": height } as CSSProperties}
          onScroll={scrolled}
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
                  current={line.position === current}
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
            onClick={() => follow(true)}
          >
            {came > 0 ? `${came.toLocaleString()} new ${came === 1 ? "line" : "lines"}` : "Newest"}
          </Button>
        )}
      </div>
      <Group gap={6} mt={4} justify="space-between">
        <Text size="xs" c="dimmed">
          {rows.length.toLocaleString()} {rows.length === 1 ? "line" : "lines"}
          {rows.length !== lines.length && ` of ${lines.length.toLocaleString()}`}
          {dropped > 0 && `; ${dropped.toLocaleString()} older ones are not kept here`}
        </Text>
        {older === "coming" && (
          <Text size="xs" c="dimmed" role="status">
            Older lines are on their way …
          </Text>
        )}
        {(older === "there" || older === "failed") && (
          <Group gap={6}>
            {older === "failed" && (
              <Text size="xs" c="red">
                Older lines could not be loaded.
              </Text>
            )}
            <Button size="compact-xs" variant="default" onClick={onOlder}>
              {older === "failed" ? "Try again" : "Load older lines"}
            </Button>
          </Group>
        )}
        {older === "no room" && (
          <Text size="xs" c="dimmed">
            No more lines fit in this page; a run's own page has all of its lines.
          </Text>
        )}
      </Group>
    </div>
  );
}

function Tool({
  icon,
  label,
  on,
  onClick,
}: {
  icon: IconName;
  label: string;
  on?: boolean | undefined;
  onClick: () => void;
}) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant={on ? "light" : "subtle"}
        color={on ? "indigo" : "gray"}
        size={28}
        aria-label={label}
        {...(on === undefined ? {} : { "aria-pressed": on })}
        onClick={onClick}
      >
        <Icon name={icon} size={15} />
      </ActionIcon>
    </Tooltip>
  );
}

function CopyLines({ lines }: { lines: readonly Line[] }) {
  const [copied, setCopied] = useState<boolean | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = setTimeout(() => setCopied(null), 1_500);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <Tool
      icon={copied ? "check" : "copy"}
      label={copied ? "Copied" : copied === false ? "The browser did not allow it" : "Copy these lines"}
      onClick={() => {
        const text = lines.map((line) => plain(line.text)).join("\n");
        // Without TLS there may be no clipboard.
        Promise.resolve(navigator.clipboard?.writeText(text) ?? Promise.reject())
          .then(() => setCopied(true))
          .catch(() => setCopied(false));
      }}
    />
  );
}

function save(lines: readonly Line[], name: string) {
  const url = URL.createObjectURL(new Blob([asText(lines)], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name.replace(/[^\w.-]+/g, "-").slice(0, 80)}.log`;
  link.click();
  URL.revokeObjectURL(url);
}

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

const Row = memo(function Row({ line, top, level, search, current, times, drawn, linkTo, onLink }: RowProps) {
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
