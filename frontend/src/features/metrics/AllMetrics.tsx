// The metrics of all functions together.

import { Card, Group, SegmentedControl, SimpleGrid, Text, Title } from "@mantine/core";
import { useState } from "react";
import { AllMetricsDocument, type Window } from "../../graphql/generated.ts";
import { useAsked } from "../../graphql/live.ts";
import { Sparkline } from "../../ui/sparkline.tsx";
import { Failure, Waiting } from "../../ui/states.tsx";
import { MetricValue } from "./MetricValue.tsx";
import { BUCKET, cards, EVERY, WINDOWS } from "./model.ts";
import { useEvery } from "./useEvery.ts";

export function AllMetrics() {
  const [window, setWindow] = useState<Window>("HOUR");
  const { data, error, again, old } = useAsked(AllMetricsDocument, { window });
  useEvery(again, EVERY[window]);
  return (
    <Card withBorder>
      <Group justify="space-between" mb="sm">
        <Title order={3} size="h5">
          All functions together
        </Title>
        <SegmentedControl
          size="xs"
          value={window}
          onChange={(value) => setWindow(value as Window)}
          data={[...WINDOWS]}
          aria-label="Window"
        />
      </Group>
      {error && !data ? (
        <Failure error={error} again={again} />
      ) : !data ? (
        <Waiting rows={2} again={again} />
      ) : (
        <>
          <Sparkline
            points={data.metrics.points.map(({ invocations, errors }) => ({ calls: invocations, errors }))}
            label={`calls per ${BUCKET[window]}`}
            width="100%"
            height={44}
          />
          <SimpleGrid
            cols={{ base: 2, xs: 4 }}
            spacing="xs"
            mt="sm"
            className={old ? "old" : undefined}
            aria-busy={old}
          >
            {cards(data.metrics).map((card) => (
              <MetricValue key={card.name} card={card} />
            ))}
          </SimpleGrid>
          <Text size="xs" c="dimmed" mt="xs">
            Of those functions that you may see.
          </Text>
        </>
      )}
    </Card>
  );
}
