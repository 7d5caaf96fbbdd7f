// Read-only JSON.

import { Code, Group, Text } from "@mantine/core";
import { Copy } from "./page.tsx";

/** Maximum number of characters shown; copying copies everything. */
const SHOWN = 50_000;

export function Json({ value, label, max = 420 }: { value: unknown; label?: string; max?: number }) {
  const text = typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "null");
  return (
    <div>
      <Group gap={4} mb={4} justify="space-between">
        <Text size="xs" c="dimmed">
          {label}
        </Text>
        <Copy text={text} />
      </Group>
      <Code
        block
        style={{ maxHeight: max, overflow: "auto", whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}
        tabIndex={0}
      >
        {text.length > SHOWN ? `${text.slice(0, SHOWN)}\n… (copy it to see the rest)` : text}
      </Code>
    </div>
  );
}
