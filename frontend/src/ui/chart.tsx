// A chart with its title, a summary sentence, and a table of the same numbers for screen readers.

import { Button, Card, Group, ScrollArea, Skeleton, Table, Text, Title, VisuallyHidden } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { type ChartProps, saysOf, tabled } from "./chartWords.ts";

const Drawn = lazy(() => import("./charts.tsx"));

const HEIGHT = 220;

export function Chart({ title, about, ...chart }: ChartProps & { title: string; about?: string }) {
  const [asTable, setAsTable] = useState(false);
  const { data, series, format } = chart;
  return (
    <Card withBorder padding="sm" component="section" aria-label={title}>
      <Group justify="space-between" mb={asTable ? "xs" : "sm"} wrap="nowrap" align="flex-start">
        <div>
          <Title order={3} size="h6">
            {title}
          </Title>
          {about && (
            <Text size="xs" c="dimmed">
              {about}
            </Text>
          )}
        </div>
        <Button
          size="compact-xs"
          variant="subtle"
          color="gray"
          onClick={() => setAsTable(!asTable)}
          aria-label={`${title}: show as a ${asTable ? "chart" : "table"}`}
          style={{ flexShrink: 0 }}
        >
          {asTable ? "Chart" : "Table"}
        </Button>
      </Group>
      <VisuallyHidden>{series.map((one) => saysOf(data, one, format)).join(". ")}</VisuallyHidden>
      {asTable ? (
        <ScrollArea.Autosize mah={HEIGHT} tabIndex={0} aria-label={`${title}, as a table`}>
          <Table verticalSpacing={2} fz="xs">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>From</Table.Th>
                {series.map(({ name, label }) => (
                  <Table.Th key={name}>{label}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {tabled(data, series, format).map((row) => (
                <Table.Tr key={row.key}>
                  <Table.Td>{row.at}</Table.Td>
                  {row.cells.map((cell, at) => (
                    <Table.Td key={series[at]?.name}>{cell}</Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea.Autosize>
      ) : (
        <div aria-hidden="true">
          <Suspense fallback={<Skeleton height={HEIGHT} />}>
            <Drawn {...chart} height={HEIGHT} />
          </Suspense>
        </div>
      )}
    </Card>
  );
}
