// Functions as cards, for narrow screens.

import { Anchor, Card, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { isOwn } from "../../../lib/namespace.ts";
import { describeSource } from "../../../lib/source.ts";
import { Actions } from "../Actions.tsx";
import { type Calls, Hour, LastRun, made, type RowProps, State, Why } from "./cells.tsx";
import type { Listed } from "./useFunctions.ts";
import { useInSight } from "./useInSight.ts";

const FunctionCard = memo(function FunctionCard({ of, points, index, measure, count }: RowProps & { count: number }) {
  return (
    <li data-index={index} ref={measure} aria-setsize={count} aria-posinset={index + 1} style={{ paddingBottom: 10 }}>
      <Card withBorder padding="sm">
        <Group justify="space-between" wrap="nowrap" gap="xs" align="flex-start">
          <Group gap="xs" style={{ minWidth: 0 }}>
            <Anchor component={Link} to={`/functions/${of.id}`} fw={500} style={{ overflowWrap: "anywhere" }}>
              {of.name}
            </Anchor>
            <State of={of} />
          </Group>
          <Actions of={of} />
        </Group>
        <Why of={of} />
        <Text size="xs" c="dimmed" truncate title={describeSource(of.source)}>
          {!isOwn(of.namespace) && `${of.namespace} · `}
          {made(of)}
          {of.currentVersion && ` · v${of.currentVersion.number}`} · {describeSource(of.source)}
        </Text>
        <Group gap="md" mt={6} justify="space-between">
          <Group gap={6}>
            <Text size="xs" c="dimmed">
              Last run
            </Text>
            <LastRun of={of} />
          </Group>
          <Hour points={points} />
        </Group>
      </Card>
    </li>
  );
});

export function Cards({ rows, calls }: { rows: readonly Listed[]; calls: Calls }) {
  const { container, items, measure, above, below } = useInSight(rows.length, 132);
  return (
    <div ref={container}>
      <div style={{ height: above }} />
      <ul aria-label="Functions" style={{ listStyle: "none", margin: 0, padding: 0 }}>
        {items.map(({ index }) => {
          const of = rows[index];
          if (!of) return null;
          return (
            <FunctionCard
              key={of.id}
              of={of}
              points={calls.get(of.id)}
              index={index}
              measure={measure}
              count={rows.length}
            />
          );
        })}
      </ul>
      <div style={{ height: below }} />
    </div>
  );
}
