// The metrics of a time window, as numbers and over time.

import { Card, SimpleGrid } from "@mantine/core";
import type { NumbersFragment, Window } from "../../graphql/generated.ts";
import { duration } from "../../lib/time.ts";
import { Chart } from "../../ui/chart.tsx";
import { MetricValue } from "./MetricValue.tsx";
import { BUCKET, type Metric, points } from "./model.ts";

/** On an axis, missing values are zero. */
const time = (value: number) => (value === 0 ? "0" : duration(value));
const counted = (value: number) => value.toLocaleString("en");

export function Numbers({ cards }: { cards: readonly Metric[] }) {
  return (
    <SimpleGrid cols={{ base: 2, xs: 3, md: 5 }} spacing="xs">
      {cards.map((card) => (
        <Card key={card.name} withBorder padding="xs">
          <MetricValue card={card} />
        </Card>
      ))}
    </SimpleGrid>
  );
}

export function Charts({ of, window }: { of: NumbersFragment; window: Window }) {
  const data = points(of, window);
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
      <Chart
        title="Calls"
        about={`Those that ended, per ${BUCKET[window]}`}
        kind="bars"
        data={data}
        series={[
          { name: "succeeded", label: "Succeeded", color: "teal.6" },
          { name: "failed", label: "Failed", color: "red.6" },
        ]}
        format={counted}
      />
      <Chart
        title="Time that they took"
        about="Half, 95 of 100 and 99 of 100 calls took no longer"
        kind="lines"
        data={data}
        series={[
          { name: "p50", label: "p50", color: "blue.4" },
          { name: "p95", label: "p95", color: "indigo.6" },
          { name: "p99", label: "p99", color: "orange.6" },
        ]}
        format={time}
      />
      <Chart
        title="Waiting and running"
        about={`Calls at the end of each ${BUCKET[window]}: waiting is the depth of the queue`}
        kind="areas"
        data={data}
        series={[
          { name: "waiting", label: "Waiting", color: "orange.6" },
          { name: "running", label: "Running", color: "teal.6" },
        ]}
        format={counted}
      />
      <Chart
        title="Cold starts"
        about={`Calls that found no instance, per ${BUCKET[window]}`}
        kind="bars"
        data={data}
        series={[{ name: "cold", label: "Cold starts", color: "cyan.6" }]}
        format={counted}
      />
    </SimpleGrid>
  );
}
