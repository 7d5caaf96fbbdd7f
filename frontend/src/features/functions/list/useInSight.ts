// List virtualization: only the rows in view are rendered, so a thousand rows are as fast as ten.

import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef, useState } from "react";

/** The rows in view, and the space taken by those above and below. */
export function useInSight(count: number, size: number) {
  const container = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  // The content above the list may change.
  useLayoutEffect(() => {
    const top = container.current ? container.current.getBoundingClientRect().top + scrollY : 0;
    setMargin((now) => (Math.abs(now - top) > 1 ? top : now));
  });
  const virtual = useWindowVirtualizer({ count, estimateSize: () => size, overscan: 10, scrollMargin: margin });
  const items = virtual.getVirtualItems();
  const above = (items[0]?.start ?? margin) - margin;
  const below = Math.max(virtual.getTotalSize() + margin - (items.at(-1)?.end ?? margin), 0) - margin;
  return { container, items, measure: virtual.measureElement, above, below: Math.max(below, 0) };
}
