// Trigger events as they come in, and publishing one.

import { Alert, Anchor, Button, Group, Modal, Stack, Table, Text, TextInput } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMutation } from "urql";
import { useViewer } from "../../app/session.tsx";
import { EventReceivedDocument, EventsDocument, PublishEventDocument } from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { short } from "../../lib/time.ts";
import { Icon } from "../../ui/icons.tsx";
import { JsonEditor, jsonFault } from "../../ui/jsonEditor.tsx";
import { accepted, tellDone } from "../../ui/notify.ts";
import { Page } from "../../ui/page.tsx";
import { Pager } from "../../ui/pager.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { When } from "../../ui/when.tsx";

export interface Search {
  type?: string;
  after?: string;
  publish?: "yes";
}

export function EventsPage({ search }: { search: Search }) {
  const navigate = useNavigate();
  const { mayWrite } = useViewer();
  const set = (change: { [K in keyof Search]?: Search[K] | undefined }) =>
    void navigate({ to: "/events", search: (now) => ({ ...now, ...change }) as Search, replace: true });
  const { data, error, again, look } = useAsked(EventsDocument, {
    type: search.type ?? null,
    after: search.after ?? null,
  });
  useFollowed(EventReceivedDocument, { type: search.type ?? null }, search.after ? undefined : look);
  const events = data?.events.nodes ?? [];
  const publish = mayWrite && (
    <Button size="xs" leftSection={<Icon name="event" size={13} />} onClick={() => set({ publish: "yes" })}>
      Publish an event
    </Button>
  );
  return (
    <Page title="Events" actions={publish}>
      <Modal
        opened={search.publish === "yes"}
        onClose={() => set({ publish: undefined })}
        title="Publish an event"
        size="lg"
      >
        <Publish close={() => set({ publish: undefined })} />
      </Modal>
      <TextInput
        key={search.type ?? ""}
        size="xs"
        placeholder="Type, such as file.uploaded, then Enter"
        aria-label="Type"
        leftSection={<Icon name="search" size={13} />}
        defaultValue={search.type ?? ""}
        onBlur={(event) => {
          const type = event.currentTarget.value.trim() || undefined;
          if (type !== search.type) set({ type, after: undefined });
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") set({ type: event.currentTarget.value.trim() || undefined, after: undefined });
        }}
        maw={340}
      />
      {error && !data ? (
        <Failure error={error} again={again} />
      ) : !data ? (
        <Waiting again={again} />
      ) : events.length === 0 ? (
        <Empty
          title={search.type ? `No event of the type ${search.type}` : "No events yet"}
          action={
            search.type ? (
              <Button size="xs" variant="default" onClick={() => set({ type: undefined, after: undefined })}>
                Show all
              </Button>
            ) : (
              publish || undefined
            )
          }
        >
          Events come by <code>POST /v1/events</code>, webhooks, schedules and the queue; each starts the functions that
          wait for its type.
        </Empty>
      ) : (
        <>
          <Table.ScrollContainer minWidth={320}>
            <Table verticalSpacing={6} highlightOnHover>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Type</Table.Th>
                  <Table.Th>Source</Table.Th>
                  <Table.Th visibleFrom="sm">Subject</Table.Th>
                  <Table.Th>Came in</Table.Th>
                  <Table.Th>Id</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {events.map((event) => (
                  <Table.Tr key={event.id}>
                    <Table.Td>
                      <Anchor component={Link} to={`/events/${event.id}`} size="sm">
                        {event.type}
                      </Anchor>
                    </Table.Td>
                    <Table.Td maw={220}>
                      <Text size="sm" truncate title={event.source}>
                        {event.source}
                      </Text>
                    </Table.Td>
                    <Table.Td maw={160} visibleFrom="sm">
                      <Text size="sm" truncate>
                        {event.subject ?? "–"}
                      </Text>
                    </Table.Td>
                    <Table.Td>
                      <When at={event.receivedAt} size="sm" />
                    </Table.Td>
                    <Table.Td className="mono">{short(event.id)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          <Pager
            total={data.events.totalCount}
            shown={events.length}
            after={search.after}
            next={data.events.pageInfo.hasNextPage ? data.events.pageInfo.endCursor : null}
            go={(after) => set({ after })}
            what="events"
          />
        </>
      )}
    </Page>
  );
}

function Publish({ close }: { close: () => void }) {
  const navigate = useNavigate();
  const [{ fetching }, publish] = useMutation(PublishEventDocument);
  const [type, setType] = useState("demo.hello");
  const [source, setSource] = useState("");
  const [subject, setSubject] = useState("");
  const [data, setData] = useState('{\n  "name": "Ada"\n}');
  const [fault, setFault] = useState<string | null>(null);
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        setFault(null);
        const input = {
          type: type.trim(),
          data: data.trim() === "" ? null : JSON.parse(data),
          ...(source.trim() ? { source: source.trim() } : {}),
          ...(subject.trim() ? { subject: subject.trim() } : {}),
        };
        const result = await publish({ input });
        const made = result.data?.publishEvent;
        if (!accepted("The event was not taken", result.error, made)) {
          setFault(made?.userErrors.map((one) => one.message).join(" ") ?? null);
          return;
        }
        tellDone(made?.duplicate ? "It had been taken before; nothing was added." : "The event is in the log.");
        if (made?.event) await navigate({ to: "/events/$id", params: { id: made.event.id } });
        else close();
      }}
    >
      <Stack gap="sm">
        {fault && (
          <Alert color="red" p="xs">
            {fault}
          </Alert>
        )}
        <TextInput
          label="Type"
          placeholder="file.uploaded"
          value={type}
          onChange={(event) => setType(event.currentTarget.value)}
          required
          data-autofocus
        />
        <Group grow>
          <TextInput
            label="Source"
            placeholder="/graphql"
            value={source}
            onChange={(event) => setSource(event.currentTarget.value)}
          />
          <TextInput label="Subject" value={subject} onChange={(event) => setSubject(event.currentTarget.value)} />
        </Group>
        <JsonEditor label="Data" value={data} onChange={setData} height={180} />
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={fetching} disabled={jsonFault(data) !== null}>
            Publish
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
