// The footer of a log: the number of lines, and loading older ones.

import { Button, Group, Text } from "@mantine/core";

/** The availability of older lines: loaded or loading, none, or no room for more. */
export type Older = "there" | "coming" | "none" | "no room" | "failed";

export function Foot({
  shown,
  all,
  dropped,
  older,
  onOlder,
}: {
  shown: number;
  all: number;
  dropped: number;
  older: Older;
  onOlder: (() => void) | undefined;
}) {
  return (
    <Group gap={6} mt={4} justify="space-between">
      <Text size="xs" c="dimmed">
        {shown.toLocaleString()} {shown === 1 ? "line" : "lines"}
        {shown !== all && ` of ${all.toLocaleString()}`}
        {dropped > 0 && `; ${dropped.toLocaleString()} older ones are not kept here`}
      </Text>
      {older === "coming" && (
        <Text size="xs" c="dimmed" role="status">
          Loading older lines …
        </Text>
      )}
      {(older === "there" || older === "failed") && (
        <Group gap={6}>
          {older === "failed" && (
            <Text size="xs" c="red">
              Older lines could not be loaded.
            </Text>
          )}
          <Button size="compact-xs" variant="default" onClick={onOlder}>
            {older === "failed" ? "Try again" : "Load older lines"}
          </Button>
        </Group>
      )}
      {older === "no room" && (
        <Text size="xs" c="dimmed">
          No more lines fit in this page; a run's own page has all of its lines.
        </Text>
      )}
    </Group>
  );
}
