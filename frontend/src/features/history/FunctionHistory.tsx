// The events in a function's life, newest first, and the function's state after any of them.

import { Box, Button, Card, Grid, Group, Slider, Stack, Text, Timeline, Title } from "@mantine/core";
import { useMemo } from "react";
import { exact } from "../../lib/time.ts";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { When } from "../../ui/when.tsx";
import { bad, END, nearest, newestAt, placesOf, sentence } from "./model.ts";
import { useRecords } from "./useRecords.ts";
import "@mantine/core/styles/Slider.css";
import "@mantine/core/styles/Timeline.css";
import { AsItWas } from "./AsItWas.tsx";
import { RecordRow } from "./RecordRow.tsx";

/** Pages of 100 that are loaded automatically. */
const PAGES = 5;

interface Props {
  id: string;
  at: number | undefined;
  go: (at: number | undefined) => void;
}

export function FunctionHistory({ id, at, go }: Props) {
  const { records, total, more, loading, error, load, again } = useRecords(id, PAGES);
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
        {/* A single line, whatever its text: the slider must not move while it is dragged. */}
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
