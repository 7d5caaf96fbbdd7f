// A relative time, with the exact one on hover.

import { Text, type TextProps } from "@mantine/core";
import { ahead, now as clock } from "../lib/clock.ts";
import { Store, useStore } from "../lib/store.ts";
import { exact, relative } from "../lib/time.ts";

const TICK = 5_000;
const now = new Store(clock());
setInterval(() => now.set(clock()), TICK);
ahead.listen(() => now.set(clock()));

interface Props extends TextProps {
  at: string | null | undefined;
  /** Only the time, without a styled wrapper, for rows that are rendered often. */
  plain?: boolean;
}

export function When({ at, plain = false, ...rest }: Props) {
  const ticked = useStore(now);
  // An event since the last tick is in the past, not in the future.
  const current = at && new Date(at).getTime() <= clock() ? Math.max(ticked, new Date(at).getTime()) : ticked;
  if (!at)
    return (
      <Text span inherit c="dimmed">
        –
      </Text>
    );
  const time = (
    <time dateTime={at} title={exact(at)}>
      {relative(at, current)}
    </time>
  );
  if (plain) return time;
  // A `title` and not the theme's tooltip: lists have hundreds of these, and each would cost as much as its row.
  return (
    <Text span inherit={rest.fz === undefined && !("size" in rest)} {...rest} style={{ whiteSpace: "nowrap" }}>
      {time}
    </Text>
  );
}
