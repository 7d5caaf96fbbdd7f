// Lines of a log: as many as there are, of which only those on the screen are drawn. Follows the newest one as long
// as the end is in sight.

import { ActionIcon, Group, SegmentedControl, Text, TextInput, Tooltip } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type CSSProperties,
  memo,
  type ReactNode,
  useDeferredValue,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { type Piece, pieces, plain } from "../lib/ansi.ts";
import { filtered, type Line, type Wanted } from "../lib/lines.ts";
import { clock, exact } from "../lib/time.ts";
import { Icon } from "./icons.tsx";
import "./log.css";

const LINE_HEIGHT = 18;
/** Characters of a line that are drawn; the server allows 16 KiB. */
const DRAWN = 4_000;
/** How far from the end is still the end, in pixels. */
const NEAR = 40;

interface Props {
  lines: readonly Line[];
  /** Changes whenever `lines` does, which is the same array. */
  version: number;
  dropped?: number;
  height?: string;
  /** Makes the time of a line a link to its run. */
  linkTo?: (run: string) => string;
  onLink?: (run: string) => void;
  empty: ReactNode;
  tools?: ReactNode;
  search?: string;
  onSearch?: (search: string) => void;
}

export function Log({
  lines,
  version,
  dropped = 0,
  height = "60vh",
  linkTo,
  onLink,
  empty,
  tools,
  search: given,
  onSearch,
}: Props) {
  const [own, setOwn] = useState("");
  const search = given ?? own;
  const [stream, setStream] = useState<Wanted["stream"]>("all");
  const [following, setFollowing] = useState(true);
  const wantedSearch = useDeferredValue(search);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says that the array has changed inside
  const shown = useMemo(
    () => filtered(lines, { search: wantedSearch, stream }),
    [lines, version, wantedSearch, stream],
  );

  const place = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => place.current,
    estimateSize: () => LINE_HEIGHT,
    overscan: 20,
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls when there are more lines
  useEffect(() => {
    const box = place.current;
    if (following && box) box.scrollTop = box.scrollHeight;
  }, [shown.length, version, following]);

  const scrolled = () => {
    const box = place.current;
    if (!box) return;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    if (atEnd !== following) setFollowing(atEnd);
  };

  return (
    <div>
      <Group gap="xs" mb="xs">
        <TextInput
          size="xs"
          placeholder="Search the lines"
          aria-label="Search the lines"
          leftSection={<Icon name="search" size={13} />}
          value={search}
          onChange={(event) => (onSearch ?? setOwn)(event.currentTarget.value)}
          style={{ flex: "1 1 140px", maxWidth: 320 }}
        />
        <SegmentedControl
          size="xs"
          value={stream}
          onChange={(value) => setStream(value as Wanted["stream"])}
          data={[
            { value: "all", label: "All" },
            { value: "out", label: "Out" },
            { value: "err", label: "Err" },
          ]}
          aria-label="Stream"
        />
        <Tooltip label={following ? "Pause: stay where I am" : "Follow the newest line"}>
          <ActionIcon
            variant={following ? "default" : "filled"}
            size={30}
            aria-label={following ? "Pause" : "Follow"}
            onClick={() => setFollowing(!following)}
          >
            <Icon name={following ? "pause" : "down"} />
          </ActionIcon>
        </Tooltip>
        {tools}
        <Text size="xs" c="dimmed">
          {shown.length.toLocaleString()} {shown.length === 1 ? "line" : "lines"}
          {shown.length !== lines.length && ` of ${lines.length.toLocaleString()}`}
          {dropped > 0 && `; ${dropped.toLocaleString()} older ones are not kept here`}
        </Text>
      </Group>
      <div
        ref={place}
        className="log"
        style={{ "--log-height": height } as CSSProperties}
        onScroll={scrolled}
        role="log"
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
      >
        {shown.length === 0 ? (
          <Text size="sm" c="dimmed" p="md" ff="text">
            {lines.length === 0 ? empty : "No line matches."}
          </Text>
        ) : (
          <div style={{ height: rows.getTotalSize(), position: "relative" }}>
            {rows.getVirtualItems().map((item) => {
              const line = shown[item.index];
              if (!line) return null;
              return (
                <div
                  key={line.position}
                  className={`log-line log-${line.stream}`}
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  {line.run && linkTo ? (
                    <a
                      className="log-at"
                      href={linkTo(line.run)}
                      title={`${exact(line.at)}: open the run`}
                      onClick={(event) => {
                        if (!onLink || event.metaKey || event.ctrlKey) return;
                        event.preventDefault();
                        onLink(line.run as string);
                      }}
                    >
                      {clock(line.at)}
                    </a>
                  ) : (
                    <span className="log-at" title={exact(line.at)}>
                      {clock(line.at)}
                    </span>
                  )}
                  <Ansi text={line.text} search={wantedSearch} />
                </div>
              );
            })}
          </div>
        )}
      </div>
    </div>
  );
}

const Ansi = memo(function Ansi({ text, search }: { text: string; search: string }) {
  const cut = text.length > DRAWN ? `${text.slice(0, DRAWN)} …` : text;
  const wanted = search.trim().toLowerCase();
  if (wanted !== "") {
    const bare = plain(cut);
    const at = bare.toLowerCase().indexOf(wanted);
    if (at >= 0) {
      return (
        <span className="log-text">
          {bare.slice(0, at)}
          <mark>{bare.slice(at, at + wanted.length)}</mark>
          {bare.slice(at + wanted.length)}
        </span>
      );
    }
  }
  return (
    <span className="log-text">
      {pieces(cut).map((piece, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line never changes
        <span key={index} {...styled(piece)}>
          {piece.text}
        </span>
      ))}
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
