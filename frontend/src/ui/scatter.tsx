// Durations over time as dots, coloured by outcome; a click opens the run.

import { Text } from "@mantine/core";
import { duration, exact } from "../lib/time.ts";
import { stateColour } from "./status.tsx";

export interface Dot {
  id: string;
  at: string;
  ms: number;
  state: string;
}

const WIDTH = 800;
const HEIGHT = 120;
const EDGE = 8;

/** Where a dot stands: time to the right, duration (logarithmic) upwards. */
export function placed(dots: readonly Dot[], width = WIDTH, height = HEIGHT): { dot: Dot; x: number; y: number }[] {
  const times = dots.map((dot) => new Date(dot.at).getTime());
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const top = Math.log10(Math.max(10, ...dots.map((dot) => dot.ms)) + 1);
  return dots.map((dot, index) => {
    const share = to === from ? 0.5 : ((times[index] ?? from) - from) / (to - from);
    return {
      dot,
      x: EDGE + share * (width - 2 * EDGE),
      y: height - EDGE - (Math.log10(Math.max(0, dot.ms) + 1) / top) * (height - 2 * EDGE),
    };
  });
}

export function Scatter({ dots, open }: { dots: readonly Dot[]; open: (id: string) => void }) {
  if (dots.length < 2) return null;
  const slowest = dots.reduce((most, dot) => (dot.ms > most.ms ? dot : most));
  return (
    <div>
      <Text size="xs" c="dimmed" mb={2}>
        Duration of the runs on this page, the slowest {duration(slowest.ms)}
      </Text>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        width="100%"
        height={HEIGHT}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${dots.length} runs, the slowest took ${duration(slowest.ms)}`}
        style={{ border: "1px solid var(--mantine-color-default-border)", borderRadius: 6 }}
      >
        {placed(dots).map(({ dot, x, y }) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: the list below has the same runs as links, which the keyboard reaches
          <path
            key={dot.id}
            d={`M${x} ${y}h0`}
            stroke={stateColour(dot.state)}
            strokeWidth={9}
            strokeLinecap="round"
            vectorEffect="non-scaling-stroke"
            style={{ cursor: "pointer" }}
            onClick={() => open(dot.id)}
          >
            <title>{`${duration(dot.ms)}, ${dot.state.toLowerCase()}, ${exact(dot.at)}`}</title>
          </path>
        ))}
      </svg>
    </div>
  );
}
