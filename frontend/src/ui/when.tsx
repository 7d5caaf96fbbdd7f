// A time as people say it, with the exact one on hover.

import { Text, type TextProps, Tooltip } from "@mantine/core";
import { ahead, now as clock } from "../lib/clock.ts";
import { Store, useStore } from "../lib/store.ts";
import { exact, relative } from "../lib/time.ts";

const TICK = 5_000;
const now = new Store(clock());
setInterval(() => now.set(clock()), TICK);
ahead.listen(() => now.set(clock()));

interface Props extends TextProps {
  at: string | null | undefined;
}

export function When({ at, ...rest }: Props) {
  const current = useStore(now);
  if (!at)
    return (
      <Text span inherit c="dimmed">
        –
      </Text>
    );
  return (
    <Tooltip label={exact(at)} openDelay={200} withArrow>
      <Text span inherit={rest.fz === undefined && !("size" in rest)} {...rest} style={{ whiteSpace: "nowrap" }}>
        <time dateTime={at}>{relative(at, current)}</time>
      </Text>
    </Tooltip>
  );
}
