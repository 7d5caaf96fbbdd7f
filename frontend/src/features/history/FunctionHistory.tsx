// Every event of a function's life, and the function as it was after any of them.

import {
  Alert,
  Badge,
  Box,
  Button,
  Card,
  Grid,
  Group,
  SimpleGrid,
  Slider,
  Stack,
  Text,
  Timeline,
  Title,
  UnstyledButton,
} from "@mantine/core";
import { useEffect, useState } from "react";
import { ask } from "../../graphql/client.ts";
import {
  FunctionThenDocument,
  type FunctionThenQuery,
  HistoryDocument,
  HistoryGrewDocument,
} from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { exact } from "../../lib/time.ts";
import { Json } from "../../ui/json.tsx";
import { Fact } from "../../ui/page.tsx";
import { Empty, Failure, told, Waiting } from "../../ui/states.tsx";
import { Status } from "../../ui/status.tsx";
import { When } from "../../ui/when.tsx";
import { origin } from "../functions/model.ts";
import { bad, newestAt, sentence } from "./model.ts";

type Then = FunctionThenQuery["function"];

/** The slider must stand still for this long before the server is asked, in milliseconds. */
const SETTLE = 120;

export function FunctionHistory({
  id,
  at,
  go,
}: {
  id: string;
  at: number | undefined;
  go: (at: number | undefined) => void;
}) {
  const { data, error, again, look } = useAsked(HistoryDocument, { stream: id });
  useFollowed(HistoryGrewDocument, { stream: id }, look);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const records = data.history.nodes;
  const newest = records.at(-1);
  const shown = at === undefined ? newest : (newestAt(records, at) ?? records[0]);
  if (!newest || !shown) return <Empty title="The log has no record of it" />;
  const index = records.indexOf(shown);
  return (
    <Stack gap="md">
      <Card withBorder>
        <Group justify="space-between" mb="xs">
          <Title order={3} size="h5">
            {at === undefined ? "As it is" : "As it was"}
          </Title>
          <Group gap="xs">
            <Text size="xs" c="dimmed">
              <When at={shown.at} />, {exact(shown.at)}, position {shown.position}
            </Text>
            {at !== undefined && (
              <Button size="compact-xs" variant="default" onClick={() => go(undefined)}>
                Now
              </Button>
            )}
          </Group>
        </Group>
        <Box px="xs">
          <Slider
            value={index}
            min={0}
            max={Math.max(1, records.length - 1)}
            step={1}
            label={(value) => (records[value] ? sentence(records[value]) : null)}
            thumbLabel="Time"
            marks={records.length <= 40 ? records.map((_, value) => ({ value })) : []}
            onChange={(value) => go(value === records.length - 1 ? undefined : records[value]?.position)}
            disabled={records.length < 2}
          />
        </Box>
      </Card>
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Text size="xs" c="dimmed" mb="xs">
            {records.length} of {data.history.totalCount} events of its life
          </Text>
          <Box mah={{ md: "65vh" }} style={{ overflowY: "auto" }} p={4}>
            <Timeline bulletSize={14} lineWidth={2} active={index} color="indigo">
              {records.map((record) => (
                <Timeline.Item key={record.id} color={bad(record.type) ? "red" : "indigo"}>
                  <UnstyledButton
                    onClick={() => go(record === newest ? undefined : record.position)}
                    aria-current={record === shown}
                    style={{ display: "block", width: "100%" }}
                  >
                    <Text
                      size="sm"
                      fw={record === shown ? 700 : 500}
                      c={bad(record.type) ? "red" : "inherit"}
                      style={{ overflowWrap: "anywhere" }}
                    >
                      {sentence(record)}
                    </Text>
                    <Text size="xs" c="dimmed">
                      <When at={record.at} /> by {record.actor ?? "nobody known"}
                    </Text>
                  </UnstyledButton>
                </Timeline.Item>
              ))}
            </Timeline>
          </Box>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Stack gap="md">
            <AsItWas id={id} position={shown.position} />
            <Json value={shown.data} label={`${shown.type}, as the log has it`} />
          </Stack>
        </Grid.Col>
      </Grid>
    </Stack>
  );
}

function AsItWas({ id, position }: { id: string; position: number }) {
  const [then, setThen] = useState<Then>(null);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      ask(FunctionThenDocument, { id, position }, stop.signal)
        .then(({ function: found }) => {
          setThen(found);
          setFault(null);
        })
        .catch((error: Error) => {
          if (!stop.signal.aborted) setFault(told(error));
        });
    }, SETTLE);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [id, position]);
  if (fault) return <Alert color="red">{fault}</Alert>;
  if (!then) return <Waiting rows={3} />;
  return (
    <Card withBorder>
      <Group gap="xs" mb="sm">
        <Title order={3} size="h5">
          {then.name}
        </Title>
        <Status state={then.state} />
        {then.currentVersion && <Text size="sm">v{then.currentVersion.number}</Text>}
      </Group>
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
        <Fact name="Source">{origin(then.source)}</Fact>
        <Fact name="Runtime">
          {then.currentVersion ? `${then.runtime}, ${then.mode.toLowerCase()}` : "not built yet"}
        </Fact>
        <Fact name="Versions">{then.versions.nodes.map((version) => `v${version.number}`).join(", ") || "none"}</Fact>
        <Fact name="Newest build">
          {then.builds.nodes[0] ? <Status state={then.builds.nodes[0].state} size="xs" /> : "none"}
        </Fact>
        <Fact name="Triggers">
          <Group gap={4}>
            {then.triggers.length === 0 && "none"}
            {then.triggers.map((trigger, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: they never change their order
              <Badge key={index} variant="light" radius="sm" style={{ textTransform: "none" }}>
                {trigger.type} {trigger.pattern ?? trigger.cron ?? trigger.name ?? ""}
              </Badge>
            ))}
          </Group>
        </Fact>
        {then.stateReason && <Fact name="Why">{then.stateReason}</Fact>}
      </SimpleGrid>
    </Card>
  );
}
