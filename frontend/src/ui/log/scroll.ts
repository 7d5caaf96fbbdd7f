// Follows the newest line of a log as long as the end is in view. After scrolling up or pausing, the position stays
// fixed, whatever lines are added or removed.

import { type RefObject, useCallback, useLayoutEffect, useRef, useState } from "react";
import { indexAt, type Line } from "../../lib/lines.ts";
import type { Box, RowLayout } from "./layout.ts";

/** The distance from the end that still counts as the end, in pixels. */
const NEAR = 24;
/** The distance from the beginning at which older lines are loaded, in pixels. */
const EARLY = 300;

export interface Scroll {
  /** The scroll offset, in pixels. */
  top: number;
  following: boolean;
  /** New lines since following stopped. */
  came: number;
  follow: (on: boolean) => void;
  /** Stops or resumes following. */
  pause: () => void;
  /** Scrolls to a line, centering it. */
  go: (position: number) => void;
  /** The handler for the container's scroll event. */
  scrolled: () => void;
}

export function useScroll({
  container,
  rows,
  version,
  layout,
  box,
  wrap,
  atBeginning,
}: {
  container: RefObject<HTMLElement | null>;
  rows: readonly Line[];
  /** Changes with the rows, which may be the same array. */
  version: number;
  layout: RowLayout;
  box: Box;
  wrap: boolean;
  /** Called when the user has scrolled close to the first row. */
  atBeginning: () => void;
}): Scroll {
  const { total, topOf, indexIn } = layout;
  const [top, setTop] = useState(0);
  const [following, setFollowing] = useState(true);
  /** The newest line when following stopped. */
  const [left, setLeft] = useState(0);
  // The line at the upper edge stays there, unless the newest lines are followed.
  const anchor = useRef<{ position: number; offset: number } | null>(null);
  const scrollTop = useRef(0);
  const drop = useCallback(() => {
    const element = container.current;
    if (!element) return;
    element.scrollTop = element.scrollHeight;
    scrollTop.current = element.scrollTop;
    setTop(element.scrollTop);
  }, [container]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever may have moved the lines
  useLayoutEffect(() => {
    const element = container.current;
    if (!element) return;
    if (following) {
      drop();
      return;
    }
    const atTop = anchor.current;
    if (!atTop || rows.length === 0) return;
    const wanted = topOf(indexAt(rows, atTop.position)) + atTop.offset;
    if (Math.abs(wanted - element.scrollTop) < 1) return;
    element.scrollTop = wanted;
    scrollTop.current = element.scrollTop;
    setTop(element.scrollTop);
  }, [rows, version, total, following, box.height, wrap]);

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
    const element = container.current;
    if (!element) return;
    const at = element.scrollTop;
    const atEnd = element.scrollHeight - at - element.clientHeight < NEAR;
    // New lines push the end away while following: only a user who scrolls up wants to stop.
    if (following && !atEnd && at < scrollTop.current - 1) follow(false);
    else if (!following && atEnd && at > scrollTop.current) follow(true);
    scrollTop.current = at;
    remember(at);
    setTop(at);
    if (at < EARLY && !atEnd) atBeginning();
  };
  const go = (position: number) => {
    const element = container.current;
    if (!element) return;
    if (following) follow(false);
    const at = Math.max(0, topOf(indexAt(rows, position)) - element.clientHeight / 2);
    element.scrollTop = at;
    scrollTop.current = element.scrollTop;
    remember(element.scrollTop);
    setTop(element.scrollTop);
  };
  const pause = () => {
    if (following) remember(scrollTop.current);
    follow(!following);
  };
  return {
    top,
    following,
    came: following ? 0 : rows.length - indexAt(rows, left + 1),
    follow,
    pause,
    go,
    scrolled,
  };
}
