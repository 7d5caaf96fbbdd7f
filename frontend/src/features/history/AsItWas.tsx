// A function as of a record, compared with its current state.

import { Alert, Badge, Card, Group, Table, Text, Title } from "@mantine/core";
import { useEffect, useState } from "react";
import { ask } from "../../graphql/client.ts";
import { FunctionThenDocument, type FunctionThenQuery } from "../../graphql/generated.ts";
import { errorText, Failure, Waiting } from "../../ui/states.tsx";
import { Status } from "../../ui/status.tsx";
import { compared } from "./model.ts";

type Then = FunctionThenQuery["function"];

/** The slider must rest for this long before the server is queried, in milliseconds. */
const SETTLE = 120;

export function AsItWas({ id, position, newest }: { id: string; position: number; newest: number }) {
  const [{ was, is }, setThen] = useState<{ was: Then; is: Then }>({ was: null, is: null });
  const [fault, setFault] = useState<Error | null>(null);
  const [tries, setTries] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another try asks again
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      const at = (of: number) => ask(FunctionThenDocument, { id, position: of }, stop.signal);
      Promise.all([at(position), position === newest ? null : at(newest)])
        .then(([before, newer]) => {
          setThen({ was: before.function, is: newer?.function ?? null });
          setFault(null);
        })
        .catch((error: Error) => {
          if (!stop.signal.aborted) setFault(error);
        });
    }, SETTLE);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [id, position, newest, tries]);
  if (fault)
    return (
      <Failure
        error={new Error(errorText(fault))}
        again={() => setTries((number) => number + 1)}
        title="The function as it was could not be loaded"
      />
    );
  if (!was) return <Waiting rows={5} />;
  const facts = compared(was, is).filter((fact) => fact.was !== "–" || fact.is !== undefined);
  const changed = facts.filter((fact) => fact.is !== undefined).length;
  return (
    <Card withBorder>
      <Group gap="xs" mb="xs">
        <Title order={3} size="h5">
          {was.name}
        </Title>
        <Status state={was.state} />
        {is && (
          <Badge variant="light" color={changed > 0 ? "orange" : "gray"} radius="sm" style={{ textTransform: "none" }}>
            {changed === 0
              ? "the same as now"
              : `${changed} ${changed === 1 ? "thing is" : "things are"} different now`}
          </Badge>
        )}
      </Group>
      <Table verticalSpacing={4} layout="fixed">
        <Table.Thead>
          <Table.Tr>
            <Table.Th w="28%">
              <Text size="xs" c="dimmed">
                What
              </Text>
            </Table.Th>
            <Table.Th>{is ? "Then" : "Now"}</Table.Th>
            {is && <Table.Th>Now</Table.Th>}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {facts.map((fact) => (
            <Table.Tr key={fact.name} {...(fact.is === undefined ? {} : { bg: "var(--mantine-color-orange-light)" })}>
              <Table.Td>
                <Text size="xs" c={fact.is === undefined ? "dimmed" : "inherit"}>
                  {fact.name}
                </Text>
              </Table.Td>
              <Table.Td>
                <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                  {fact.was}
                </Text>
              </Table.Td>
              {is && (
                <Table.Td>
                  <Text size="sm" c={fact.is === undefined ? "dimmed" : "inherit"} style={{ overflowWrap: "anywhere" }}>
                    {fact.is ?? "the same"}
                  </Text>
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {was.builds.nodes[0]?.error && (
        <Alert color="red" p="xs" mt="sm" title="The newest build had failed">
          <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }} lineClamp={8}>
            {was.builds.nodes[0].error}
          </Text>
        </Alert>
      )}
    </Card>
  );
}
