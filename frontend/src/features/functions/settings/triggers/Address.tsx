// An address to copy, or why there is none yet.

import { Code, Group, Text } from "@mantine/core";
import { Copy } from "../../../../ui/page.tsx";

export function Address({ url, otherwise }: { url: string | null | undefined; otherwise: string }) {
  return url ? (
    <Group gap={4} wrap="nowrap">
      <Code style={{ overflowWrap: "anywhere" }}>{url}</Code>
      <Copy text={url} label="Copy the address" />
    </Group>
  ) : (
    <Text size="sm" c="dimmed">
      {otherwise}
    </Text>
  );
}
