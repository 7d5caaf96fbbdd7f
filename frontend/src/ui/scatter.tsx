// A scatter plot of durations over time: color and shape show the outcome, a click opens the run. The list below it has
// the same runs as links, which are reachable by keyboard.

import { Group, Text } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { memo } from "react";
import { duration, exact } from "../lib/time.ts";
import { stateColour } from "./status.tsx";

export interface Dot {
  id: string;
  at: string;
  ms: number;
  state: string;
}

const HEIGHT = 132;
const EDGE = 8;
/** The vertical scale of durations. */
const LEFT = 54;
/** If the longest duration exceeds the shortest by this factor, a linear scale would hide the short ones. */
const FAR = 20;

/** The kinds of scale. */
export interface Scale {
  log: boolean;
  top: number;
}

/** A scale that shows all dots: logarithmic if they are far apart. */
export function scaleOf(dots: readonly Dot[]): Scale {
  const lengths = dots.map((dot) => Math.max(0, dot.ms));
  const top = Math.max(10, ...lengths);
  return { log: top / Math.max(1, Math.min(...lengths)) > FAR, top };
}

/** The vertical position of a duration, from 0 to 1. */
export function heightOf(ms: number, { log, top }: Scale): number {
  const of = Math.max(0, ms);
  return log ? Math.log10(of + 1) / Math.log10(top + 1) : of / top;
}

/** Durations marked by a line: powers of ten, or halves. */
export function ticksOf({ log, top }: Scale): number[] {
  if (!log) return [0, top / 2, top];
  const ticks: number[] = [];
  for (let tick = 1; tick <= top; tick *= 10) ticks.push(tick);
  // More than four lines would look like a grid.
  const every = Math.ceil(ticks.length / 4);
  return ticks.filter((_, index) => (ticks.length - 1 - index) % every === 0);
}

/** The position of a dot: time to the right, duration upwards. */
export function placed(
  dots: readonly Dot[],
  width: number,
  height = HEIGHT,
  scale = scaleOf(dots),
): { dot: Dot; x: number; y: number }[] {
  const times = dots.map((dot) => new Date(dot.at).getTime());
  const [from, to] = [Math.min(...times), Math.max(...times)];
  return dots.map((dot, index) => {
    const share = to === from ? 0.5 : ((times[index] ?? from) - from) / (to - from);
    return {
      dot,
      x: EDGE + share * (width - 2 * EDGE),
      y: height - EDGE - heightOf(dot.ms, scale) * (height - 2 * EDGE),
    };
  });
}

/** The outcomes of the dots with their counts, most frequent first. */
export function outcomes(dots: readonly Dot[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { state } of dots) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

const word = (state: string) => state.replaceAll("_", " ").toLowerCase();

/** Failures have a different shape, too: not everybody can tell red from green. */
function shape(state: string): string {
  if (state === "SUCCEEDED") return "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0";
  if (state === "CANCELLED") return "M-4 -4h8v8h-8z";
  return "M0 -5.5L5.5 0L0 5.5L-5.5 0z";
}

export const Scatter = memo(function Scatter({ dots, open }: { dots: readonly Dot[]; open: (id: string) => void }) {
  const { ref, width } = useElementSize();
  if (dots.length < 2) return null;
  const slowest = dots.reduce((most, dot) => (dot.ms > most.ms ? dot : most));
  const scale = scaleOf(dots);
  const counts = outcomes(dots);
  const times = dots.map((dot) => dot.at).sort();
  const inner = Math.max(80, width - LEFT);
  const yOf = (ms: number) => HEIGHT - EDGE - heightOf(ms, scale) * (HEIGHT - 2 * EDGE);
  const summary = counts.map(([state, count]) => `${count} ${word(state)}`).join(", ");
  return (
    <div ref={ref}>
      <Group gap="sm" mb={4} justify="space-between">
        <Text size="xs" c="dimmed">
          Duration of the newest {dots.length} of them{scale.log && ", on a log scale"}; the slowest{" "}
          {duration(slowest.ms)}
        </Text>
        <Group gap="sm" aria-hidden="true">
          {counts.map(([state, count]) => (
            <Group key={state} gap={4} wrap="nowrap">
              <svg width={12} height={12} viewBox="-6 -6 12 12" role="presentation">
                <path d={shape(state)} fill={stateColour(state)} />
              </svg>
              <Text size="xs" c="dimmed">
                {word(state)} {count}
              </Text>
            </Group>
          ))}
        </Group>
      </Group>
      <svg
        width="100%"
        height={HEIGHT}
        role="img"
        aria-label={`${dots.length} runs between ${exact(times[0] as string)} and ${exact(times.at(-1) as string)}: ${summary}; the slowest took ${duration(slowest.ms)}`}
        style={{ display: "block" }}
      >
        {ticksOf(scale).map((tick) => (
          <g key={tick}>
            <line
              x1={LEFT}
              x2={LEFT + inner}
              y1={yOf(tick)}
              y2={yOf(tick)}
              stroke="var(--mantine-color-default-border)"
            />
            <text
              x={LEFT - 6}
              y={yOf(tick)}
              textAnchor="end"
              dominantBaseline="middle"
              fontSize={10}
              fill="var(--mantine-color-dimmed)"
            >
              {tick === 0 ? "0" : duration(tick)}
            </text>
          </g>
        ))}
        {width > 0 &&
          placed(dots, inner, HEIGHT, scale).map(({ dot, x, y }) => (
            // biome-ignore lint/a11y/noStaticElementInteractions: the list below has the same runs as links, which the keyboard reaches
            <path
              key={dot.id}
              d={shape(dot.state)}
              transform={`translate(${LEFT + x} ${y})`}
              fill={stateColour(dot.state)}
              fillOpacity={0.85}
              // The click target is larger than the visible dot.
              stroke="transparent"
              strokeWidth={6}
              style={{ cursor: "pointer" }}
              onClick={() => open(dot.id)}
            >
              <title>{`${duration(dot.ms)}, ${word(dot.state)}, ${exact(dot.at)}`}</title>
            </path>
          ))}
      </svg>
      <Group justify="space-between" pl={LEFT}>
        <Text size="xs" c="dimmed">
          {exact(times[0] as string)}
        </Text>
        <Text size="xs" c="dimmed" visibleFrom="xs">
          {exact(times.at(-1) as string)}
        </Text>
      </Group>
    </div>
  );
});
