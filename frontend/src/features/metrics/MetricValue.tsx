// A metric with its name and unit.

import { Group, Text } from "@mantine/core";
import type { Metric } from "./model.ts";

export function MetricValue({ card: { name, value, unit, more } }: { card: Metric }) {
  return (
    <div>
      <Text size="xs" c="dimmed" truncate title={name}>
        {name}
      </Text>
      <Group gap={5} align="baseline">
        <Text fw={600} size="lg">
          {value}
        </Text>
        {unit && (
          <Text size="xs" c="dimmed">
            {unit}
          </Text>
        )}
        {more && (
          <Text size="xs" c="red">
            {more}
          </Text>
        )}
      </Group>
    </div>
  );
}
