// One function at a glance.

import {
  Anchor,
  Card,
  Code,
  Grid,
  Group,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Table,
  Text,
  Title,
} from "@mantine/core";
import {
  FunctionChangedDocument,
  FunctionOverviewDocument,
  RunChangedDocument,
  type Window,
} from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { duration } from "../../lib/time.ts";
import { Copy, Fact } from "../../ui/page.tsx";
import { Failure, Waiting } from "../../ui/states.tsx";
import { When } from "../../ui/when.tsx";
import { origin } from "./model.ts";
import { Triggers } from "./Triggers.tsx";

const WINDOWS: { value: Window; label: string }[] = [
  { value: "FIVE_MINUTES", label: "5 min" },
  { value: "HOUR", label: "1 h" },
  { value: "DAY", label: "24 h" },
  { value: "WEEK", label: "7 d" },
];

export function Overview({
  id,
  window,
  setWindow,
}: {
  id: string;
  window: Window;
  setWindow: (window: Window) => void;
}) {
  const { data, error, again, look } = useAsked(FunctionOverviewDocument, { id, window });
  useFollowed(FunctionChangedDocument, { id }, look);
  useFollowed(RunChangedDocument, { function: id }, look);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const of = data.function;
  if (!of) return null;
  const { metrics } = data;
  const failed = metrics.invocations === 0 ? 0 : (100 * metrics.errors) / metrics.invocations;
  const numbers: [name: string, value: string, more?: string | undefined][] = [
    ["Calls", metrics.invocations.toLocaleString()],
    [
      "Errors",
      metrics.errors.toLocaleString(),
      metrics.errors > 0 ? `${failed.toFixed(failed < 10 ? 1 : 0)} %` : undefined,
    ],
    ["p50", duration(metrics.p50Ms)],
    ["p95", duration(metrics.p95Ms)],
    ["p99", duration(metrics.p99Ms)],
    ["Cold starts", metrics.coldStarts.toLocaleString()],
    ["Waiting or running", metrics.open.toLocaleString()],
  ];
  return (
    <Stack gap="md">
      <Group justify="space-between">
        <Title order={3} size="h5">
          Traffic
        </Title>
        <SegmentedControl
          size="xs"
          value={window}
          onChange={(value) => setWindow(value as Window)}
          data={WINDOWS}
          aria-label="Window"
        />
      </Group>
      <SimpleGrid cols={{ base: 2, xs: 3, md: 7 }} spacing="xs">
        {numbers.map(([name, value, more]) => (
          <Card key={name} withBorder padding="xs">
            <Text size="xs" c="dimmed" truncate>
              {name}
            </Text>
            <Group gap={6} align="baseline">
              <Text fw={600} size="lg">
                {value}
              </Text>
              {more && (
                <Text size="xs" c="red">
                  {more}
                </Text>
              )}
            </Group>
          </Card>
        ))}
      </SimpleGrid>
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Card withBorder>
            <Stack gap="sm">
              <Fact name="Address">
                {of.url ? (
                  <Group gap={4} wrap="nowrap">
                    <Code style={{ overflowWrap: "anywhere" }}>{of.url}</Code>
                    <Copy text={of.url} label="Copy the address" />
                  </Group>
                ) : (
                  <Text size="sm" c="dimmed">
                    It has no HTTP trigger.
                  </Text>
                )}
              </Fact>
              <Fact name="Source">
                {of.source.url && /^https?:/.test(of.source.url) ? (
                  <Anchor href={of.source.url} size="sm" target="_blank" rel="noreferrer noopener">
                    {origin(of.source)}
                  </Anchor>
                ) : (
                  origin(of.source)
                )}
              </Fact>
              <Group gap="xl">
                <Fact name="Mode">{of.mode.toLowerCase()}</Fact>
                <Fact name="Registered">
                  <When at={of.createdAt} />
                </Fact>
                <Fact name="Changed">
                  <When at={of.updatedAt} />
                </Fact>
              </Group>
              <Fact name="Id">
                <Group gap={4}>
                  <span className="mono">{of.id}</span>
                  <Copy text={of.id} />
                </Group>
              </Fact>
            </Stack>
          </Card>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Triggers triggers={of.triggers} />
        </Grid.Col>
      </Grid>
      <Title order={3} size="h5">
        Instances
      </Title>
      {of.instances.length === 0 ? (
        <Text size="sm" c="dimmed">
          {of.mode === "JOB"
            ? "A job has a process only while it runs."
            : of.state === "RUNNING"
              ? "None runs now; the next call starts one."
              : "It does not run."}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={420}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Instance</Table.Th>
                <Table.Th>Version</Table.Th>
                <Table.Th>State</Table.Th>
                <Table.Th>Calls now</Table.Th>
                <Table.Th>Started</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {of.instances.map((instance) => (
                <Table.Tr key={instance.id}>
                  <Table.Td className="mono">{instance.id}</Table.Td>
                  <Table.Td>v{instance.version}</Table.Td>
                  <Table.Td>{instance.state}</Table.Td>
                  <Table.Td>{instance.inFlight}</Table.Td>
                  <Table.Td>
                    <When at={instance.startedAt} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Stack>
  );
}
