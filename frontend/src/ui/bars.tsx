// A Gantt chart: stretches of time as bars, one below the other.

import { Text, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import { clock, duration, exact } from "../lib/time.ts";
import "./bars.css";

export interface Bar {
  key: string;
  name: ReactNode;
  /** Milliseconds since the epoch. */
  from: number;
  to: number;
  colour: string;
  /** Whether it has not ended. */
  open?: boolean | undefined;
  /** Additional text. */
  more?: string | undefined;
  error?: string | undefined;
}

/** The minimum width of a bar in percent, so that even a moment is visible. */
const NARROW = 0.8;

/** The position of a bar between the beginning and the end of all, in percent. */
export function shareOf(bar: Pick<Bar, "from" | "to">, from: number, to: number): { left: number; width: number } {
  const all = Math.max(1, to - from);
  const left = Math.max(0, Math.min(100 - NARROW, (100 * (bar.from - from)) / all));
  return { left, width: Math.max(NARROW, Math.min(100 - left, (100 * (bar.to - bar.from)) / all)) };
}

export function Bars({ bars, label }: { bars: readonly Bar[]; label: string }) {
  const from = Math.min(...bars.map((bar) => bar.from));
  const to = Math.max(from + 1, ...bars.map((bar) => bar.to));
  if (bars.length === 0) return null;
  return (
    <div>
      <ol className="bars" aria-label={label}>
        {bars.map((bar) => {
          const { left, width } = shareOf(bar, from, to);
          const details = `${clock(bar.from)} to ${bar.open ? "now" : clock(bar.to)}${bar.more ? `, ${bar.more}` : ""}`;
          return (
            <li key={bar.key} className="bars-row">
              <Text size="xs" className="bars-name">
                {bar.name}
              </Text>
              <Tooltip label={details} multiline maw={360}>
                <div className="bars-track">
                  <div
                    className={bar.open ? "bars-bar bars-open" : "bars-bar"}
                    style={{ marginLeft: `${left}%`, width: `${width}%`, background: bar.colour }}
                  />
                </div>
              </Tooltip>
              <Text size="xs" c="dimmed" className="bars-long" title={details}>
                {duration(bar.to - bar.from)}
              </Text>
              {bar.error && (
                <Text size="xs" c="red" className="bars-error" lineClamp={6}>
                  {bar.error}
                </Text>
              )}
            </li>
          );
        })}
      </ol>
      <div className="bars-row">
        <span className="bars-name" />
        <div className="bars-axis">
          <Text size="xs" c="dimmed" title={exact(from)}>
            {clock(from)}
          </Text>
          <Text size="xs" c="dimmed">
            {duration(to - from)} in all
          </Text>
        </div>
      </div>
    </div>
  );
}
