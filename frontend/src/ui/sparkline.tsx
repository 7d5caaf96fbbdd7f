// A sparkline of calls: how many, and how many failed.

import { VisuallyHidden } from "@mantine/core";
import { bars, inWords, type Spark } from "./spark.ts";

export function Sparkline({
  points,
  label,
  width = 120,
  height = 24,
}: {
  points: readonly Spark[];
  /** What is counted, for screen readers: `calls a minute`. */
  label: string;
  width?: number | string;
  height?: number;
}) {
  const words = inWords(points, label);
  const drawn = bars(points);
  return (
    <span title={words} style={{ display: "inline-block", verticalAlign: "middle", maxWidth: "100%" }}>
      <svg
        width={width}
        height={height}
        viewBox={`0 0 ${Math.max(points.length, 1)} 1`}
        preserveAspectRatio="none"
        aria-hidden="true"
        style={{ display: "block" }}
      >
        <rect
          x={0}
          y={0.96}
          width={Math.max(points.length, 1)}
          height={0.04}
          fill="var(--mantine-color-default-border)"
        />
        {drawn.map((bar) => (
          <g key={bar.x}>
            <rect
              x={bar.x + 0.1}
              y={1 - bar.height}
              width={0.8}
              height={bar.height}
              fill="var(--mantine-color-indigo-5)"
            />
            {bar.bad > 0 && (
              <rect x={bar.x + 0.1} y={1 - bar.bad} width={0.8} height={bar.bad} fill="var(--mantine-color-red-6)" />
            )}
          </g>
        ))}
      </svg>
      <VisuallyHidden>{words}</VisuallyHidden>
    </span>
  );
}
