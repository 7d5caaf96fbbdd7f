// A time as people say it, with the exact one on hover.

import { Text, type TextProps, Tooltip } from "@mantine/core";
import { Store, useStore } from "../lib/store.ts";
import { exact, relative } from "../lib/time.ts";

const TICK = 5_000;
const now = new Store(Date.now());
setInterval(() => now.set(Date.now()), TICK);

interface Props extends TextProps {
  at: string | null | undefined;
}

export function When({ at, ...rest }: Props) {
  const ticked = useStore(now);
  // What happened since the last tick is past, not ahead.
  const current = at && new Date(at).getTime() <= Date.now() ? Math.max(ticked, new Date(at).getTime()) : ticked;
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
