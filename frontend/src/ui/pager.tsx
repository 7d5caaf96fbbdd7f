// Pagination of a list: to older items, and back to the newest.

import { Button, Group, Text } from "@mantine/core";

interface Props {
  total: number;
  shown: number;
  /** Set if this is not the first page. */
  after: string | undefined;
  next: string | null | undefined;
  go: (after: string | undefined) => void;
  /** The plural of what is counted: `runs`. */
  what: string;
}

export function Pager({ total, shown, after, next, go, what }: Props) {
  return (
    <Group justify="space-between" gap="xs">
      <Text size="xs" c="dimmed">
        {shown} of {total.toLocaleString()} {total === 1 ? what.replace(/s$/, "") : what}
      </Text>
      <Group gap="xs">
        {after && (
          <Button size="xs" variant="default" onClick={() => go(undefined)}>
            Newest
          </Button>
        )}
        {next && (
          <Button size="xs" variant="default" onClick={() => go(next)}>
            Older
          </Button>
        )}
      </Group>
    </Group>
  );
}
