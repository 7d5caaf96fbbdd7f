// The icons of the pages, drawn with strokes in the color of the text.

import type { SVGProps } from "react";

const PATHS = {
  function: "M14 5h-1a3 3 0 0 0-3 3v8a3 3 0 0 1-3 3M7 11h7",
  run: "M7 5v14l11-7z",
  stop: "M6 6h12v12H6z",
  event: "M13 3 5 13h6l-1 8 8-10h-6z",
  dead: "M12 8v5m0 3.5v.01M10.3 3.9 2.6 17.2A2 2 0 0 0 4.3 20h15.4a2 2 0 0 0 1.7-2.8L13.7 3.9a2 2 0 0 0-3.4 0z",
  system: "M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 21 21",
  plus: "M12 5v14M5 12h14",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 12.5 10 17l9-10",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2m0 16v2M4.2 4.2l1.4 1.4m12.8 12.8 1.4 1.4M2 12h2m16 0h2M4.2 19.8l1.4-1.4M18.4 5.6l1.4-1.4",
  moon: "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5z",
  out: "M14 8V5a2 2 0 0 0-2-2H5v18h7a2 2 0 0 0 2-2v-3M9 12h12m-3-3 3 3-3 3",
  pause: "M8 5v14M16 5v14",
  back: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  build: "M14.5 6.5a4 4 0 0 0-5 5L4 17l3 3 5.5-5.5a4 4 0 0 0 5-5L15 12l-3-3z",
  trash: "M4 7h16M10 11v6m4-6v6M6 7l1 13h10l1-13M9 7V4h6v3",
  again: "M20 11a8 8 0 1 0-2.3 6.3M20 4v7h-7",
  down: "M12 5v14m-6-6 6 6 6-6",
  up: "M12 19V5m-6 6 6-6 6 6",
  wrap: "M4 6h16M4 12h13a3.5 3.5 0 0 1 0 7h-4m2.5-2.5L13 19l2.5 2.5M4 18h4",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2",
  save: "M12 4v11m-5-5 5 5 5-5M4 20h16",
  filter: "M4 5h16l-6.5 7.5V19l-3 1.5v-8z",
  case: "M3 18 7.5 6 12 18M4.5 14h6M20.5 18v-5.5a3 3 0 0 0-5.5-1.6m5.5 4.6a2.8 2.8 0 1 1-2.8-2.8h2.8",
  cross: "M6 6l12 12M18 6 6 18",
  api: "M8 4 4 12l4 8M16 4l4 8-4 8",
  keys: "M3 6h18v12H3zM7 10h.01M12 10h.01M17 10h.01M8 14h8",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
} as const;

export type IconName = keyof typeof PATHS;

interface Props extends Omit<SVGProps<SVGSVGElement>, "name"> {
  name: IconName;
  size?: number;
}

export function Icon({ name, size = 16, ...rest }: Props) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={2}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      {...rest}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
