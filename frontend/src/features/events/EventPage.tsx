// One trigger event: its content, which functions it reached or not and why, and every run that it caused.

import { Anchor, Card, Grid, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { EventDetailDocument, RunChangedDocument } from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { exact } from "../../lib/time.ts";
import { Json } from "../../ui/json.tsx";
import { Copy, Fact, Page } from "../../ui/page.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { When } from "../../ui/when.tsx";
import { RunRows } from "../runs/list/RunRows.tsx";
import { Reach } from "./Reach.tsx";

export function EventPage({ id }: { id: string }) {
  const { data, error, again, look } = useAsked(EventDetailDocument, { id });
  useFollowed(RunChangedDocument, {}, look);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const event = data.event;
  if (!event) {
    return (
      <Empty title="There is no such event" action={<Link to="/events">Go to events</Link>}>
        Events are kept for 24 hours unless the server is set otherwise.
      </Empty>
    );
  }
  return (
    <Page title={event.type} aside={<Copy text={event.id} label="Copy the event's id" />}>
      <Card withBorder>
        <SimpleGrid cols={{ base: 2, sm: 3, lg: 4 }} spacing="sm">
          <Fact name="Source">{event.source}</Fact>
          <Fact name="Its own id">
            <span className="mono">{event.eventId}</span>
          </Fact>
          <Fact name="Subject">{event.subject ?? "–"}</Fact>
          <Fact name="Namespace">{event.namespace}</Fact>
          <Fact name="Came in">
            <When at={event.receivedAt} />
          </Fact>
          <Fact name="Happened, as its source says">{event.time ? exact(event.time) : "–"}</Fact>
          <Fact name="Position in the log">{event.position.toLocaleString()}</Fact>
        </SimpleGrid>
      </Card>
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Title order={2} size="h5" mb="xs">
            Whom it reached
          </Title>
          <Reach id={id} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Stack gap="md">
            <Json value={event.data} label="Data" />
            <Json value={event.cloudEvent} label="The whole CloudEvent" max={260} />
          </Stack>
        </Grid.Col>
      </Grid>
      {event.runs.nodes.length > 0 && (
        <Stack gap="xs">
          <Title order={2} size="h5">
            What it started
          </Title>
          <RunRows runs={event.runs.nodes} />
          {event.runs.totalCount > event.runs.nodes.length && (
            <Text size="xs" c="dimmed">
              The newest {event.runs.nodes.length} runs.{" "}
              <Anchor component={Link} to={`/runs?event=${event.id}`} size="xs">
                All {event.runs.totalCount.toLocaleString()}
              </Anchor>
            </Text>
          )}
        </Stack>
      )}
    </Page>
  );
}
