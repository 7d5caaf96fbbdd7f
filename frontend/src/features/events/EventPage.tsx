// One trigger event: its content, and what it started.

import { Card, SimpleGrid, Stack, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { EventDetailDocument, RunChangedDocument } from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { Json } from "../../ui/json.tsx";
import { Fact, Page } from "../../ui/page.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { When } from "../../ui/when.tsx";
import { RunRows } from "../runs/RunsList.tsx";

export function EventPage({ id }: { id: string }) {
  const { data, error, again, look } = useAsked(EventDetailDocument, { id });
  useFollowed(RunChangedDocument, {}, look);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const event = data.event;
  if (!event) {
    return (
      <Empty title="There is no such event" action={<Link to="/events">To the events</Link>}>
        Events are kept for 24 hours unless the server is set otherwise.
      </Empty>
    );
  }
  return (
    <Page title={event.type}>
      <Card withBorder>
        <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="sm">
          <Fact name="Source">{event.source}</Fact>
          <Fact name="Its own id">
            <span className="mono">{event.eventId}</span>
          </Fact>
          <Fact name="Subject">{event.subject ?? "–"}</Fact>
          <Fact name="Namespace">{event.namespace}</Fact>
          <Fact name="Came in">
            <When at={event.receivedAt} />
          </Fact>
          <Fact name="Position in the log">{event.position}</Fact>
        </SimpleGrid>
      </Card>
      <Stack gap="xs">
        <Title order={3} size="h5">
          What it started
        </Title>
        {event.runs.nodes.length === 0 ? (
          <Empty title="No function waited for it">
            A function that runs and has an event trigger whose pattern and filter fit would have been started.
          </Empty>
        ) : (
          <RunRows runs={event.runs.nodes} />
        )}
      </Stack>
      <Json value={event.data} label="Data" />
    </Page>
  );
}
