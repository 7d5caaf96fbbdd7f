// The list of builds on a page.

import { Box, Group, Text, UnstyledButton } from "@mantine/core";
import type { BuildRowFragment } from "../../graphql/generated.ts";
import { duration, short } from "../../lib/time.ts";
import { Status } from "../../ui/status.tsx";
import { When } from "../../ui/when.tsx";
import { tookOf } from "./model.ts";

export function BuildList({
  builds,
  shown,
  choose,
  old,
}: {
  builds: readonly BuildRowFragment[];
  /** The id of the selected build. */
  shown: string | undefined;
  choose: (build: string) => void;
  /** Whether the list is the result of an earlier query. */
  old: boolean;
}) {
  return (
    <Box
      mah={{ base: 180, md: "75vh" }}
      style={{ overflowY: "auto" }}
      className={old ? "old" : undefined}
      aria-busy={old}
    >
      {builds.map((one) => (
        <UnstyledButton
          key={one.id}
          onClick={() => choose(one.id)}
          aria-current={one.id === shown}
          w="100%"
          p="xs"
          style={{
            borderRadius: 6,
            ...(one.id === shown ? { background: "var(--mantine-color-default-hover)" } : {}),
          }}
        >
          <Group gap="xs" justify="space-between" wrap="nowrap">
            <Status state={one.state} size="xs" />
            <When at={one.requestedAt} size="xs" c="dimmed" />
          </Group>
          <Text size="xs" c="dimmed" mt={4}>
            {one.version ? `made v${one.version.number}` : "no version"}
            {one.commit && ` · ${short(one.commit)}`}
            {tookOf(one) !== null && ` · ${duration(tookOf(one))}`}
          </Text>
        </UnstyledButton>
      ))}
    </Box>
  );
}
