// The instances of a function: what each is, where it runs, and what it uses now.

import { Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { FunctionInstancesDocument, type FunctionInstancesQuery } from "../../../graphql/generated.ts";
import { useAsked } from "../../../graphql/live.ts";
import { bytes, short } from "../../../lib/time.ts";
import { Copy } from "../../../ui/page.tsx";
import { When } from "../../../ui/when.tsx";
import { useEvery } from "../../metrics/useEvery.ts";
import { broken } from "../model.ts";
import type { OverviewFunction } from "./overviewFunction.ts";

/** How often what they use is asked for while the page is visible, in milliseconds. */
const EVERY = 3_000;

type Instance = NonNullable<FunctionInstancesQuery["function"]>["instances"][number];

const nothing = (
  <Text span inherit c="dimmed">
    –
  </Text>
);

export function Instances({ of }: { of: OverviewFunction }) {
  return (
    <Card withBorder>
      <Title order={3} size="h5" mb="xs">
        Instances
      </Title>
      {of.instances.length === 0 ? (
        <Text size="sm" c="dimmed">
          {of.mode === "JOB"
            ? "A job has a process only while it runs."
            : of.state === "RUNNING"
              ? broken(of)
                ? "None runs: what was started did not live."
                : "None runs now; the next call starts one."
              : "It does not run."}
        </Text>
      ) : (
        <Living of={of} />
      )}
    </Card>
  );
}

function Living({ of }: { of: OverviewFunction }) {
  const { data, again } = useAsked(FunctionInstancesDocument, { id: of.id });
  useEvery(again, EVERY);
  const unknown = { containerId: null, node: null, address: null, restarts: 0, usage: null };
  const instances: readonly Instance[] =
    data?.function?.instances ?? of.instances.map((one) => ({ ...one, ...unknown }));
  return (
    <Table.ScrollContainer minWidth={780} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Instance</Table.Th>
            <Table.Th>Version</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th ta="right">Calls now</Table.Th>
            <Table.Th ta="right">CPU</Table.Th>
            <Table.Th ta="right">Memory</Table.Th>
            <Table.Th ta="right">Restarts</Table.Th>
            <Table.Th>Node</Table.Th>
            <Table.Th>Started</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {instances.map((instance) => (
            <Row key={instance.id} of={instance} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Row({ of }: { of: Instance }) {
  const { usage } = of;
  return (
    <Table.Tr style={{ verticalAlign: "top" }}>
      <Table.Td>
        <Text size="sm" className="mono" title={of.id}>
          {short(of.id, 24)}
        </Text>
        {of.containerId && (
          <Group gap={2} wrap="nowrap">
            <Text size="xs" c="dimmed" title={of.containerId} style={{ whiteSpace: "nowrap" }}>
              container <span className="mono">{short(of.containerId, 12)}</span>
            </Text>
            <Copy text={of.containerId} label="Copy the container's id" />
          </Group>
        )}
      </Table.Td>
      <Table.Td>v{of.version}</Table.Td>
      <Table.Td>{of.state}</Table.Td>
      <Table.Td ta="right">{of.inFlight}</Table.Td>
      <Table.Td ta="right" style={{ whiteSpace: "nowrap" }} title="Of one processor">
        {usage?.cpu == null ? nothing : `${(usage.cpu * 100).toFixed(usage.cpu < 0.1 ? 1 : 0)} %`}
      </Table.Td>
      <Table.Td ta="right" style={{ whiteSpace: "nowrap" }}>
        {usage?.memory == null ? (
          nothing
        ) : (
          <Stack gap={0}>
            {bytes(usage.memory)}
            {usage.memoryLimit !== null && (
              <Text size="xs" c="dimmed">
                of {bytes(usage.memoryLimit)}
              </Text>
            )}
          </Stack>
        )}
      </Table.Td>
      <Table.Td ta="right" {...(of.restarts > 0 ? { fw: 600 } : {})}>
        {of.restarts}
      </Table.Td>
      <Table.Td>
        {of.node ?? nothing}
        {of.address && (
          <Text size="xs" c="dimmed" className="mono" style={{ whiteSpace: "nowrap" }}>
            {of.address}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <When at={of.startedAt} />
      </Table.Td>
    </Table.Tr>
  );
}
