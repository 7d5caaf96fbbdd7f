// Every event of a function's life, newest first, and the function as it was after any of them beside what it is now.

import {
  Alert,
  Anchor,
  Badge,
  Box,
  Button,
  Card,
  Collapse,
  Grid,
  Group,
  Slider,
  Stack,
  Table,
  Text,
  Timeline,
  Title,
  UnstyledButton,
} from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { ask } from "../../graphql/client.ts";
import { FunctionThenDocument, type FunctionThenQuery, type RecordFragment } from "../../graphql/generated.ts";
import { exact } from "../../lib/time.ts";
import { Json } from "../../ui/json.tsx";
import { Empty, errorText, Failure, Waiting } from "../../ui/states.tsx";
import { Status } from "../../ui/status.tsx";
import { When } from "../../ui/when.tsx";
import { bad, compared, END, nearest, newestAt, placesOf, sentence, who } from "./model.ts";
import { useLife } from "./useLife.ts";
import "@mantine/core/styles/Slider.css";
import "@mantine/core/styles/Timeline.css";

type Then = FunctionThenQuery["function"];

/** The slider must stand still for this long before the server is asked, in milliseconds. */
const SETTLE = 120;
/** Pages of 100 that are loaded without being asked for. */
const PAGES = 5;

interface Props {
  id: string;
  at: number | undefined;
  go: (at: number | undefined) => void;
}

export function FunctionHistory({ id, at, go }: Props) {
  const { records, total, more, loading, error, load, again } = useLife(id, PAGES);
  const places = useMemo(() => placesOf(records), [records]);
  const newest = records.at(-1);
  const shown = at === undefined ? newest : (newestAt(records, at) ?? records[0]);
  if (!newest || !shown) {
    if (error) return <Failure error={error} again={again} />;
    if (loading) return <Waiting again={again} />;
    return <Empty title="The log has no record of it">A function's history is kept for ever; this one has none.</Empty>;
  }
  const index = records.indexOf(shown);
  const to = (next: number) => {
    const record = records[Math.max(0, Math.min(records.length - 1, next))];
    go(record === undefined || record === newest ? undefined : record.position);
  };
  return (
    <Stack gap="md">
      <Card withBorder>
        <Group justify="space-between" mb="xs" gap="xs">
          <Title order={3} size="h5">
            {at === undefined ? "As it is now" : "As it was"}
          </Title>
          <Group gap="xs">
            <Text size="xs" c="dimmed">
              <When at={shown.at} />, {exact(shown.at)}, position {shown.position}
            </Text>
            <Button
              size="compact-xs"
              variant="default"
              disabled={index === 0}
              onClick={() => to(index - 1)}
              aria-label="The event before"
            >
              ‹
            </Button>
            <Button
              size="compact-xs"
              variant="default"
              disabled={index === records.length - 1}
              onClick={() => to(index + 1)}
              aria-label="The event after"
            >
              ›
            </Button>
            <Button
              size="compact-xs"
              variant={at === undefined ? "default" : "filled"}
              disabled={at === undefined}
              onClick={() => go(undefined)}
            >
              Back to now
            </Button>
          </Group>
        </Group>
        {/* One line, whatever it says: the slider does not jump while it is dragged. */}
        <Text size="sm" mb="xs" truncate title={sentence(shown)}>
          {sentence(shown)}
        </Text>
        <Box px="xs">
          <Slider
            value={places[index] ?? END}
            min={0}
            max={END}
            step={0.01}
            restrictToMarks
            marks={places.map((value) => ({ value }))}
            label={null}
            thumbLabel="Time in its life"
            thumbProps={{ "aria-valuetext": `${exact(shown.at)}: ${sentence(shown)}` }}
            onChange={(value) => to(nearest(places, value))}
            disabled={records.length < 2}
          />
        </Box>
        <Group justify="space-between" mt={6}>
          <Text size="xs" c="dimmed">
            {more ? "older events are not loaded yet" : exact(records[0]?.at ?? shown.at)}
          </Text>
          <Text size="xs" c="dimmed">
            now
          </Text>
        </Group>
      </Card>
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 6 }} order={{ base: 2, md: 1 }}>
          <Text size="xs" c="dimmed" mb="xs">
            {records.length.toLocaleString()} of {total.toLocaleString()} events of its life, the newest first
          </Text>
          <Box mah={{ md: "70vh" }} style={{ overflowY: "auto" }} p={4}>
            <Timeline bulletSize={14} lineWidth={2} color="indigo">
              {records.toReversed().map((record) => (
                <Timeline.Item key={record.id} color={bad(record.type) ? "red" : "indigo"}>
                  <RecordRow
                    record={record}
                    id={id}
                    on={record === shown}
                    choose={() => go(record === newest ? undefined : record.position)}
                  />
                </Timeline.Item>
              ))}
            </Timeline>
          </Box>
          {error && <Failure error={error} again={again} />}
          {more && (
            <Button size="xs" variant="default" mt="xs" loading={loading} onClick={load}>
              Load older events
            </Button>
          )}
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }} order={{ base: 1, md: 2 }}>
          <AsItWas id={id} position={shown.position} newest={newest.position} />
        </Grid.Col>
      </Grid>
    </Stack>
  );
}

function RecordRow({
  record,
  id,
  on,
  choose,
}: {
  record: RecordFragment;
  id: string;
  on: boolean;
  choose: () => void;
}) {
  const [opened, setOpened] = useState(false);
  const build =
    typeof record.data === "object" && record.data !== null && "build" in record.data
      ? (record.data as { build: unknown }).build
      : undefined;
  return (
    <>
      <UnstyledButton onClick={choose} aria-current={on} style={{ display: "block", width: "100%" }}>
        <Text
          size="sm"
          fw={on ? 700 : 500}
          c={bad(record.type) ? "red" : "inherit"}
          lineClamp={4}
          style={{ overflowWrap: "anywhere" }}
        >
          {sentence(record)}
        </Text>
      </UnstyledButton>
      <Group gap="xs">
        <Text size="xs" c="dimmed">
          <When at={record.at} /> by {who(record.actor)}
        </Text>
        <Anchor component="button" type="button" size="xs" onClick={() => setOpened(!opened)} aria-expanded={opened}>
          {opened ? "hide the record" : "the record"}
        </Anchor>
        {typeof build === "string" && (
          <Anchor component={Link} size="xs" to={`/functions/${id}/builds?build=${encodeURIComponent(build)}`}>
            the build
          </Anchor>
        )}
      </Group>
      <Collapse expanded={opened}>
        {opened && <Json value={record} label={`${record.type}, position ${record.position}`} max={300} />}
      </Collapse>
    </>
  );
}

function AsItWas({ id, position, newest }: { id: string; position: number; newest: number }) {
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
