// The overview page of a function.

import { Anchor, Card, Grid, Group, SegmentedControl, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import {
  FunctionChangedDocument,
  FunctionOverviewDocument,
  RunChangedDocument,
  type Window,
} from "../../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../../graphql/live.ts";
import { scale } from "../../../ui/spark.ts";
import { Sparkline } from "../../../ui/sparkline.tsx";
import { Failure, Waiting } from "../../../ui/states.tsx";
import { MetricValue } from "../../metrics/MetricValue.tsx";
import { BUCKET, cards, WINDOWS } from "../../metrics/model.ts";
import { Facts } from "./Facts.tsx";
import { Failures } from "./Failures.tsx";
import { HowToCall } from "./HowToCall.tsx";
import { Instances } from "./Instances.tsx";
import { Triggers } from "./Triggers.tsx";

export function Overview({
  id,
  window,
  setWindow,
}: {
  id: string;
  window: Window;
  setWindow: (window: Window) => void;
}) {
  const { data, error, again, look, old } = useAsked(FunctionOverviewDocument, { id, window });
  useFollowed(FunctionChangedDocument, { id }, look);
  useFollowed(RunChangedDocument, { function: id }, look);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const of = data.function;
  if (!of) return null;
  return (
    <Stack gap="md">
      <Failures of={of} />
      <Card withBorder>
        <Group justify="space-between" mb="sm">
          <Group gap="sm">
            <Title order={3} size="h5">
              Traffic
            </Title>
            <Anchor component={Link} to={`/functions/${id}/metrics?window=${window}`} size="sm">
              All metrics
            </Anchor>
          </Group>
          <SegmentedControl
            size="xs"
            value={window}
            onChange={(value) => setWindow(value as Window)}
            data={[...WINDOWS]}
            aria-label="Window"
          />
        </Group>
        <Sparkline points={of.calls} label={`calls per ${BUCKET[window]}`} width="100%" height={44} />
        <Group justify="space-between" gap="xs" mt={2} wrap="nowrap">
          <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
            {WINDOWS.find(({ value }) => value === window)?.label} ago
          </Text>
          <Text size="xs" c="dimmed" ta="center">
            {scale(of.calls, BUCKET[window])}
          </Text>
          <Text size="xs" c="dimmed">
            now
          </Text>
        </Group>
        <SimpleGrid cols={{ base: 2, xs: 4 }} spacing="xs" mt="sm" className={old ? "old" : undefined} aria-busy={old}>
          {cards(data.metrics, of.instances.length).map((card) => (
            <MetricValue key={card.name} card={card} />
          ))}
        </SimpleGrid>
      </Card>
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 6 }}>
          <HowToCall of={of} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Stack gap="md">
            <Triggers triggers={of.triggers} running={of.state === "RUNNING"} />
            <Facts of={of} />
          </Stack>
        </Grid.Col>
      </Grid>
      <Instances of={of} />
    </Stack>
  );
}
