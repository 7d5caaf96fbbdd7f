// The instances of a function.

import { Card, Table, Text, Title } from "@mantine/core";
import { short } from "../../../lib/time.ts";
import { When } from "../../../ui/when.tsx";
import { broken } from "../model.ts";
import type { OverviewFunction } from "./overviewFunction.ts";

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
        <Table.ScrollContainer minWidth={360} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
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
                  <Table.Td className="mono" title={instance.id}>
                    {short(instance.id, 24)}
                  </Table.Td>
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
    </Card>
  );
}
